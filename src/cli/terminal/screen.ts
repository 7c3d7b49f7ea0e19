/** A terminal that text is laid out for. */
export interface Screen {
  /** Undefined if it does not say how wide it is, as in some containers. */
  columns?: number | undefined;
  hasColours: boolean;
}

/** For text that stands elsewhere than on a terminal, and is not to be read by programs. */
export const UNBOUNDED: Screen = { hasColours: false };

interface Stream {
  isTTY?: boolean | undefined;
  columns?: number;
}

/** The terminal that the stream writes to. Undefined for a pipe or a file. */
export function screenOf(stream: Stream, env: NodeJS.ProcessEnv = process.env): Screen | undefined {
  if (stream.isTTY !== true) return undefined;
  return { columns: stream.columns || undefined, hasColours: hasColours(stream, env) };
}

/**
 * Whether text for the stream has colours: on a terminal, unless NO_COLOR is set or TERM is dumb, and anywhere with
 * CLICOLOR_FORCE or FORCE_COLOR. NO_COLOR wins.
 */
export function hasColours({ isTTY }: Stream, env: NodeJS.ProcessEnv): boolean {
  const isForced = [env.CLICOLOR_FORCE, env.FORCE_COLOR].some((value) => (value ?? '0') !== '0');
  if (env.NO_COLOR) return false;
  return isForced || (isTTY === true && env.TERM !== 'dumb' && env.CLICOLOR !== '0');
}

export type Style = 'red' | 'yellow' | 'bold' | 'dim';

/** Colours a text. The caller knows that they are wanted. */
export const coloured = (style: Style, text: string): string =>
  // Loaded here, as it takes 3 ms to load and most commands colour nothing.
  process.getBuiltinModule('node:util').styleText(style, text, { validateStream: false });

/** Colours texts for a stream; leaves them as they are where it shows none. */
export function painter(stream: Stream, env: NodeJS.ProcessEnv = process.env) {
  const isColoured = hasColours(stream, env);
  return (style: Style, text: string): string => (isColoured ? coloured(style, text) : text);
}

const HOME = '\u001b[H';
const CLEAR_LINE_END = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';

/**
 * Text that replaces the contents of a terminal without flicker. Lines are cut to the size of the terminal: a line that
 * wraps or scrolls would leave parts of the previous text.
 */
export function screenful(text: string, { columns, rows }: { columns: number; rows: number }): string {
  const lines = text.trimEnd().split('\n');
  const fits = lines.length < rows;
  const shown = fits ? lines : [...lines.slice(0, Math.max(0, rows - 2)), '...'];
  const drawn = shown.map((line) => `${line.slice(0, columns - 1)}${CLEAR_LINE_END}\n`);
  return `${HOME}${drawn.join('')}${CLEAR_BELOW}`;
}

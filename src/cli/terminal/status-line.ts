import { hasColours } from './screen.ts';

/** A line at the bottom of the terminal that is kept up to date. */
export interface StatusLine {
  show(text: string): void;
  /** Removes the line until it is shown again. */
  hide(): void;
  /** Removes the line for good. */
  retire(): void;
  readonly isRetired: boolean;
}

/** The spinner, a space, and the last column, after which a terminal begins a new line. */
const MARGIN = 3;

/**
 * Opens a line that other writes to a terminal do not disturb: it makes way for them and is drawn again below. Undefined
 * where the stream is not a terminal, or one without columns, as some containers have, which cannot rewrite a line.
 */
export async function openStatusLine(
  stream: NodeJS.WritableStream & { isTTY?: boolean; columns?: number },
  text: string,
): Promise<StatusLine | undefined> {
  if (stream.isTTY !== true || !stream.columns) return undefined;
  // Their tables of Unicode take 30 ms to load, which a command without a terminal does not need.
  const [{ default: ora }, { fitted }] = await Promise.all([import('ora'), import('./fit.ts')]);
  const color = hasColours(stream, process.env) ? 'cyan' : false;
  // Otherwise ora puts the terminal into raw mode, in which Ctrl-C sends no signal.
  const spinner = ora({ text, stream, discardStdin: false, color }).start();
  let isRetired = false;
  return {
    show(now) {
      if (isRetired) return;
      spinner.text = fitted(now, (stream.columns ?? 0) - MARGIN);
      if (!spinner.isSpinning) spinner.start();
    },
    hide: () => void spinner.stop(),
    retire() {
      isRetired = true;
      spinner.stop();
    },
    get isRetired() {
      return isRetired;
    },
  };
}

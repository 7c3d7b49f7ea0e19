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

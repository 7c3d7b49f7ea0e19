const HOME = '\u001b[H';
const CLEAR_LINE_END = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';

/**
 * Text that takes the place of what is on a terminal, without a blank moment between. What does not fit is cut off: a
 * line that wraps, or a last one that scrolls, would leave pieces of the text before.
 */
export function screenful(text: string, { columns, rows }: { columns: number; rows: number }): string {
  const lines = text.trimEnd().split('\n');
  const fits = lines.length < rows;
  const shown = fits ? lines : [...lines.slice(0, Math.max(0, rows - 2)), '...'];
  const drawn = shown.map((line) => `${line.slice(0, columns - 1)}${CLEAR_LINE_END}\n`);
  return `${HOME}${drawn.join('')}${CLEAR_BELOW}`;
}

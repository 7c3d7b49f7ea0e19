import stringWidth from 'string-width';

const letters = new Intl.Segmenter();

/**
 * Cuts a text to a number of columns of a terminal, with an ellipsis: words at their end, and a single word, such as a
 * path, in its middle, as both its folder and its ending tell it from others.
 */
export function fitted(text: string, columns: number): string {
  if (stringWidth(text) <= columns) return text;
  const segments = Array.from(letters.segment(text), ({ segment }) => segment);
  const rest = Math.max(0, columns - 1);
  const end = /\s/.test(text)
    ? ''
    : firstOf(segments.toReversed(), Math.floor(rest / 2))
        .reverse()
        .join('');
  return `${firstOf(segments, rest - stringWidth(end)).join('')}…${end}`;
}

/** As many of the letters as fit. */
function firstOf(segments: readonly string[], columns: number): string[] {
  let width = 0;
  const end = segments.findIndex((segment) => {
    width += stringWidth(segment);
    return width > columns;
  });
  return segments.slice(0, end === -1 ? segments.length : end);
}

/** @param side where the spaces go. */
export function padded(text: string, columns: number, side: 'left' | 'right'): string {
  const spaces = ' '.repeat(Math.max(0, columns - stringWidth(text)));
  return side === 'left' ? spaces + text : text + spaces;
}

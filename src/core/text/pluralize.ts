/**
 * `1 image`, `2000 images`.
 * @param shown the number as text. The page groups its digits ("2,000"); the terminal does not, as scripts read it.
 */
export const pluralize = (count: number, what: string, shown = String(count)): string =>
  `${shown} ${what}${count === 1 ? '' : 's'}`;

/** Fewer letters in common are chance. */
const LEAST_ALIKE = 0.6;

/** The name that a mistyped one is likely meant to be. Case and separators do not count. Undefined if none is alike. */
export function nearest(typed: string, names: readonly string[]): string | undefined {
  const letters = lettersOf(typed);
  let best: string | undefined;
  let most = 0;
  for (const name of names) {
    const other = lettersOf(name);
    const alike = 1 - distance(letters, other) / Math.max(letters.length, other.length, 1);
    if (alike < LEAST_ALIKE || alike <= most) continue;
    best = name;
    most = alike;
  }
  return best;
}

/** Without the prefix that all variables have in common. */
const lettersOf = (name: string): string =>
  name
    .toLowerCase()
    .replace(/^imgcls_/, '')
    .replace(/[_-]/g, '');

/** Letters to insert, delete or replace (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++)
      next.push(
        Math.min((next[j] ?? 0) + 1, (row[j + 1] ?? 0) + 1, (row[j] ?? 0) + (letter === b[j] ? 0 : 1)),
      );
    row = next;
  }
  return row[b.length] ?? 0;
}

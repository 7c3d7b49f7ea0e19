/** Cells below each other; nothing at all where there are none. */
export function columns(head: readonly string[], cells: readonly (readonly string[])[]): string[] {
  if (cells.length === 0) return [];
  const all = [head, ...cells];
  // A line with fewer cells than the head says something else, as long as it likes.
  const whole = all.filter((line) => line.length === head.length);
  const widths = head.map((_, at) => Math.max(...whole.map((line) => (line[at] ?? '').length)));
  return all.map((line) =>
    line
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

import Table from 'cli-table3';
import { harmless } from '../../core/text/harmless.ts';

export interface TableStyle {
  /** `lines` around the cells, for a table that stands alone; `none` for a long list, or inside other text. */
  frame?: 'lines' | 'none';
  /** The columns that hold figures, by their name in the head. */
  alignRight?: readonly string[];
}

/**
 * Draws a table, without a newline at its end. A table without a frame and without rows is ''.
 * Control characters in cells are written out, so each row is one line.
 * Without a frame, a row may have fewer cells than the head: its last cell then runs across the columns after it.
 */
export function drawTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  { frame = 'lines', alignRight = [] }: TableStyle = {},
): string {
  const cells = rows.map((row) => row.map(harmless));
  if (frame === 'none') return cells.length === 0 ? '' : aligned([head, ...cells], alignRight);
  const table = new Table({
    head: [...head],
    colAligns: head.map((name) => (alignRight.includes(name) ? 'right' : 'left')),
    style: { head: [], border: [], compact: true },
  });
  for (const row of cells) table.push(row);
  return table.toString();
}

/** Lists may have thousands of rows, for which cli-table3 takes seconds. */
function aligned(lines: readonly (readonly string[])[], alignRight: readonly string[]): string {
  const [head = []] = lines;
  const complete = lines.filter((line) => line.length === head.length);
  const widths = head.map((_, at) =>
    complete.reduce((widest, line) => Math.max(widest, line[at]?.length ?? 0), 0),
  );
  const padded = (cell: string, at: number) =>
    alignRight.includes(head[at] ?? '') ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0);
  return lines.map((line) => line.map(padded).join('  ').trimEnd()).join('\n');
}

/** Comparisons as rows of text, for a terminal's table and for docs/scaling.md. */
import type { Comparison } from './compare.ts';

export const comparisonColumns = [
  'trace',
  'policy',
  'drain, s',
  'p95 wait, s',
  'mean job, s',
  'machine hours',
  'cost, $',
  'wasted boots',
  'cost / bound',
  'drain / bound',
] as const;

/** One for each of `columns`. */
export const comparisonCells = (row: Comparison): string[] => [
  row.trace,
  row.policy,
  number(row.drainMs / 1000, 1),
  number(row.p95WaitMs / 1000, 1),
  number(row.meanJobMs / 1000, 1),
  number(row.machineMs / 3_600_000, 3),
  number(row.costUsd, 4),
  `${number(row.wastedBoots, 0)} of ${number(row.launched, 0)}`,
  ratio(row.overCostBound),
  ratio(row.overDrainBound),
];

export const comparisonMarkdown = (rows: readonly Comparison[]): string =>
  markdownTable(comparisonColumns, rows.map(comparisonCells), 2);

/** @param texts the first so many columns, which are no numbers. */
export function markdownTable(
  columns: readonly string[],
  rows: readonly (readonly string[])[],
  texts: number,
): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`;
  const rule = columns.map((_, at) => (at < texts ? '---' : '---:'));
  return [columns, rule, ...rows].map(line).join('');
}

export const number = (value: number, digits: number): string =>
  value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** There is no ratio if the bound is too weak. */
const ratio = (value: number | undefined): string => (value === undefined ? '-' : value.toFixed(2));

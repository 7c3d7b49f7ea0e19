/** A report for a terminal. Pure. */
import Table from 'cli-table3';
import type { BenchReport } from './bench-report.ts';
import {
  cells,
  changeCells,
  changeColumns,
  columns,
  contextLines,
  correctnessLines,
  milestoneText,
  SEED_NOTE,
  timeText,
} from './report-text.ts';

export function tableOf(report: BenchReport): string {
  const boots = report.scenarios.flatMap(({ milestones = [] }) => milestones);
  const milestones = boots.map(({ name, summary }) => [
    milestoneText(name),
    ...[summary.medianMs, summary.p95Ms, summary.minMs, summary.maxMs].map(timeText),
  ]);
  const { comparison } = report;
  const parts = [
    drawn(columns, report.scenarios.map(cells), ['scenario', 'seed']),
    ...(milestones.length > 0
      ? [
          drawn(['boot, from the launch', 'median', 'p95', 'min', 'max'], milestones, [
            'boot, from the launch',
          ]),
        ]
      : []),
    [...contextLines(report), ...correctnessLines(report), SEED_NOTE].join('\n'),
    ...(comparison === undefined
      ? []
      : [
          `Compared with the report of ${comparison.with}:`,
          ...comparison.differences.map((difference) => `NOT THE SAME ${difference}`),
          drawn(changeColumns, comparison.changes.map(changeCells), ['scenario', 'verdict']),
        ]),
  ];
  return `${parts.join('\n')}\n`;
}

/** @param texts columns that hold words and not figures. */
function drawn(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  texts: readonly string[],
): string {
  const table = new Table({
    head: [...head],
    colAligns: head.map((name) => (texts.includes(name) ? 'left' : 'right')),
    style: { head: [], border: [], compact: true },
  });
  for (const row of rows) table.push([...row]);
  return table.toString();
}

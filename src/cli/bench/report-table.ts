/** A report for a terminal. Pure. */
import type { BenchReport } from '../../bench/bench-report.ts';
import {
  BASELINE_NOTE,
  bootTimes,
  changeCells,
  changeColumns,
  contextLines,
  correctnessLines,
  scenarioCells,
  scenarioColumns,
} from '../../bench/report-text.ts';
import type { Screen } from '../terminal/screen.ts';
import { drawTable } from '../terminal/table.ts';

const BOOT = 'boot, from the launch';

/** All columns but those that hold words. */
const figuresOf = (head: readonly string[], ...words: string[]): string[] =>
  head.filter((name) => !words.includes(name));

export function reportTable(report: BenchReport, screen: Screen | undefined): string {
  const boot = bootTimes(report);
  const { comparison } = report;
  const parts = [
    drawTable(scenarioColumns, report.scenarios.map(scenarioCells), {
      screen,
      alignRight: figuresOf(scenarioColumns, 'scenario', 'baseline'),
      dropFirst: ['times faster', 'baseline', 'min', 'max'],
    }),
    ...(boot.rows.length > 0
      ? [drawTable([BOOT, ...boot.columns], boot.rows, { screen, alignRight: boot.columns })]
      : []),
    [...contextLines(report), ...correctnessLines(report), BASELINE_NOTE].join('\n'),
    ...(comparison === undefined
      ? []
      : [
          `Compared with the report of ${comparison.with}:`,
          ...comparison.differences.map((difference) => `NOT THE SAME ${difference}`),
          drawTable(changeColumns, comparison.changes.map(changeCells), {
            screen,
            alignRight: figuresOf(changeColumns, 'scenario', 'verdict'),
          }),
        ]),
  ];
  return `${parts.join('\n')}\n`;
}

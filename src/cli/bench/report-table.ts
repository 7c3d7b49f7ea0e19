/** A report for a terminal. Pure. */
import type { BenchReport } from '../../bench/bench-report.ts';
import {
  BASELINE_NOTE,
  changeCells,
  changeColumns,
  contextLines,
  correctnessLines,
  milestoneText,
  scenarioCells,
  scenarioColumns,
  timeText,
} from '../../bench/report-text.ts';
import type { Screen } from '../terminal/screen.ts';
import { drawTable } from '../terminal/table.ts';

const BOOT = 'boot, from the launch';
const BOOT_FIGURES = ['median', 'p95', 'min', 'max'];

/** All columns but those that hold words. */
const figuresOf = (head: readonly string[], ...words: string[]): string[] =>
  head.filter((name) => !words.includes(name));

export function reportTable(report: BenchReport, screen: Screen | undefined): string {
  const boots = report.scenarios.flatMap(({ milestones = [] }) => milestones);
  const milestones = boots.map(({ name, summary }) => [
    milestoneText(name),
    ...[summary.medianMs, summary.p95Ms, summary.minMs, summary.maxMs].map(timeText),
  ]);
  const { comparison } = report;
  const parts = [
    drawTable(scenarioColumns, report.scenarios.map(scenarioCells), {
      screen,
      alignRight: figuresOf(scenarioColumns, 'scenario', 'baseline'),
      dropFirst: ['times faster', 'baseline', 'min', 'max'],
    }),
    ...(milestones.length > 0
      ? [drawTable([BOOT, ...BOOT_FIGURES], milestones, { screen, alignRight: BOOT_FIGURES })]
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

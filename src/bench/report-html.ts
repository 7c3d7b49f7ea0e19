/** A report as one self-contained page. Pure. */
import { escapedHtml, htmlPage, htmlTable } from '../core/text/html.ts';
import type { BenchReport } from './bench-report.ts';
import { bootChart, timesChart } from './report-charts.ts';
import {
  BASELINE_NOTE,
  bootTimes,
  changeCells,
  changeColumns,
  contextLines,
  correctnessLines,
  scenarioCells,
  scenarioColumns,
} from './report-text.ts';

const STYLE = `
pre { white-space: pre-wrap; color: var(--faint); }
.wrong { color: var(--bad); }
.range { stroke: var(--ours); stroke-width: 2; }
.baseline { fill: var(--baseline); }
.key-ours { color: var(--ours); } .key-baseline { color: var(--baseline); }
`;

export function htmlOf(report: BenchReport): string {
  const { scenarios, createdAt, correctness } = report;
  const boot = bootChart(scenarios);
  const body = `<pre>${contextLines(report).map(escapedHtml).join('\n')}</pre>
<pre${correctness.isCorrect ? '' : ' class="wrong"'}>${correctnessLines(report).map(escapedHtml).join('\n')}</pre>
<h2>Times</h2>
<p><span class="key-ours">&#9679;</span> imgcls: median, minimum to maximum &#160; <span class="key-baseline">&#9670;</span> baseline.
The axis is logarithmic. ${escapedHtml(BASELINE_NOTE)}</p>
${timesChart(scenarios)}
${htmlTable(scenarioColumns, scenarios.map(scenarioCells), ['scenario', 'baseline'])}
${boot === '' ? '' : `<h2>Boot of a worker</h2>\n${boot}\n${bootTable(report)}`}
${comparisonSection(report)}`;
  return htmlPage({ title: `imgcls bench, ${createdAt}`, body, style: STYLE });
}

function bootTable(report: BenchReport): string {
  const { columns, rows } = bootTimes(report);
  return htmlTable(['from the launch', ...columns], rows, ['from the launch']);
}

function comparisonSection({ comparison }: BenchReport): string {
  if (comparison === undefined) return '';
  const differences = comparison.differences
    .map((difference) => `<li>${escapedHtml(difference)}</li>`)
    .join('');
  return `<h2>Compared with the report of ${escapedHtml(comparison.with)}</h2>
${differences === '' ? '' : `<p class="wrong">Different conditions:</p><ul>${differences}</ul>`}
${htmlTable(changeColumns, comparison.changes.map(changeCells), ['scenario', 'verdict'])}`;
}

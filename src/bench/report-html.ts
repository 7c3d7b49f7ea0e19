/** A report as one self-contained page: no scripts, no fonts, no external resources. Pure. */
import type { BenchReport } from './bench-report.ts';
import { bootChart, escaped, timesChart } from './report-charts.ts';
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
} from './report-text.ts';

const STYLE = `
:root { color-scheme: light dark; --ink: #1c2430; --faint: #66707d; --paper: #fff; --rule: #dde2e8; --ours: #0b6bcb; --baseline: #c2410c; --bad: #b42318; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6eaf0; --faint: #9aa5b1; --paper: #12161c; --rule: #2c343e; --ours: #5aa9ff; --baseline: #ff9d5c; --bad: #ff8a80; }
}
body { margin: 2rem auto; max-width: 60rem; padding: 0 1rem; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; }
th, td { padding: .3rem .6rem; border-bottom: 1px solid var(--rule); text-align: right; white-space: nowrap; }
th { color: var(--faint); font-weight: 600; }
.words { text-align: left; }
pre { white-space: pre-wrap; color: var(--faint); }
.wrong { color: var(--bad); }
svg { width: 100%; height: auto; font: 13px system-ui, sans-serif; fill: var(--ink); }
.faint { fill: var(--faint); font-size: 11px; }
.grid { stroke: var(--rule); }
.range { stroke: var(--ours); stroke-width: 2; }
.ours { fill: var(--ours); } .baseline { fill: var(--baseline); }
.key-ours { color: var(--ours); } .key-baseline { color: var(--baseline); }
`;

export function htmlOf(report: BenchReport): string {
  const { scenarios, createdAt, correctness } = report;
  const boot = bootChart(scenarios);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>imgcls bench, ${escaped(createdAt)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>imgcls bench, ${escaped(createdAt)}</h1>
<pre>${contextLines(report).map(escaped).join('\n')}</pre>
<pre${correctness.isCorrect ? '' : ' class="wrong"'}>${correctnessLines(report).map(escaped).join('\n')}</pre>
<h2>Times</h2>
<p><span class="key-ours">&#9679;</span> imgcls: median, minimum to maximum &#160; <span class="key-baseline">&#9670;</span> baseline.
The axis is logarithmic. ${escaped(BASELINE_NOTE)}</p>
${timesChart(scenarios)}
${table(scenarioColumns, scenarios.map(scenarioCells), ['scenario', 'baseline'])}
${boot === '' ? '' : `<h2>Boot of a worker</h2>\n${boot}\n${bootTable(report)}`}
${comparisonSection(report)}
</body>
</html>
`;
}

function bootTable({ scenarios }: BenchReport): string {
  const milestones = scenarios.flatMap((scenario) => scenario.milestones ?? []);
  const rows = milestones.map(({ name, summary }) => [
    milestoneText(name),
    ...[summary.medianMs, summary.p95Ms, summary.minMs, summary.maxMs].map(timeText),
  ]);
  return table(['from the launch', 'median', 'p95', 'min', 'max'], rows, ['from the launch']);
}

function comparisonSection({ comparison }: BenchReport): string {
  if (comparison === undefined) return '';
  const differences = comparison.differences.map((difference) => `<li>${escaped(difference)}</li>`).join('');
  return `<h2>Compared with the report of ${escaped(comparison.with)}</h2>
${differences === '' ? '' : `<p class="wrong">Different conditions:</p><ul>${differences}</ul>`}
${table(changeColumns, comparison.changes.map(changeCells), ['scenario', 'verdict'])}`;
}

/** @param words columns with words, which are aligned to the left. */
function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  words: readonly string[],
): string {
  const alignment = (at: number) => (words.includes(head[at] ?? '') ? ' class="words"' : '');
  const line = (tag: 'th' | 'td', texts: readonly string[]) =>
    `<tr>${texts.map((each, at) => `<${tag}${alignment(at)}>${escaped(each)}</${tag}>`).join('')}</tr>`;
  const body = rows.map((row) => line('td', row)).join('\n');
  return `<div class="wide"><table><thead>${line('th', head)}</thead><tbody>\n${body}\n</tbody></table></div>`;
}

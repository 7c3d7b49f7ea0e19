/** Charts of a report as inline SVG: no scripts, no external resources, colours from the page's style. Pure. */
import { escapedHtml } from '../core/text/html.ts';
import type { ScenarioResult } from './bench-report.ts';
import { baselineText, milestoneText, timeText } from './report-text.ts';

const WIDTH = 860;
const NAMES = 170;
const FIGURES = 210;
const ROW = 30;
const HEAD = 26;
const PLOT = WIDTH - NAMES - FIGURES;

const text = (x: number, y: number, words: string, look = '') =>
  `<text x="${x.toFixed(1)}" y="${y}"${look}>${escapedHtml(words)}</text>`;
const END = ' text-anchor="end"';
const MIDDLE = ' text-anchor="middle" class="faint"';

/** Each scenario on one logarithmic axis: a line from minimum to maximum, a dot at the median, the baseline as a diamond. */
export function timesChart(scenarios: readonly ScenarioResult[]): string {
  const shown = scenarios.filter(({ summary }) => summary !== undefined);
  const all = shown.flatMap(({ summary, seed: baseline }) => [
    summary?.minMs ?? 1,
    summary?.maxMs ?? 1,
    ...(baseline?.seconds === undefined ? [] : [1000 * baseline.seconds]),
  ]);
  if (all.length === 0) return '';
  const from = Math.floor(Math.log10(Math.max(1, Math.min(...all))));
  const to = Math.max(from + 1, Math.ceil(Math.log10(Math.max(...all))));
  const x = (ms: number) => NAMES + (PLOT * (Math.log10(Math.max(1, ms)) - from)) / (to - from);
  const height = HEAD + ROW * shown.length;
  const grid = Array.from({ length: to - from + 1 }, (_, at) => {
    const ms = 10 ** (from + at);
    const line = `<line class="grid" x1="${x(ms).toFixed(1)}" y1="${HEAD - 6}" x2="${x(ms).toFixed(1)}" y2="${height}"/>`;
    return `${line}${text(x(ms), HEAD - 12, timeText(ms), MIDDLE)}`;
  });
  const rows = shown.map((scenario, at) => timesRow(scenario, HEAD + ROW * at + ROW / 2, x));
  return svg(height, 'Time of each scenario and of the baseline', [...grid, ...rows]);
}

function timesRow(
  { name, summary, seed: baseline }: ScenarioResult,
  y: number,
  x: (ms: number) => number,
): string {
  if (summary === undefined) return '';
  const { minMs, medianMs, maxMs } = summary;
  const parts = [
    text(0, y + 4, name),
    `<line class="range" x1="${x(minMs).toFixed(1)}" y1="${y}" x2="${x(maxMs).toFixed(1)}" y2="${y}"/>`,
    `<circle class="ours" cx="${x(medianMs).toFixed(1)}" cy="${y}" r="5"/>`,
  ];
  if (baseline?.seconds !== undefined) {
    const at = x(1000 * baseline.seconds);
    parts.push(`<path class="baseline" d="M${at.toFixed(1)} ${y - 6}l6 6l-6 6l-6 -6z"/>`);
  }
  const figures =
    baseline === undefined ? timeText(medianMs) : `${timeText(medianMs)} / ${baselineText(baseline)}`;
  return `<g>${parts.join('')}${text(WIDTH, y + 4, figures, END)}</g>`;
}

/** The steps of a boot from one milestone to the next, by their medians. */
export function bootChart(scenarios: readonly ScenarioResult[]): string {
  const milestones = scenarios.flatMap((scenario) => scenario.milestones ?? []);
  const endMs = Math.max(0, ...milestones.map(({ summary }) => summary.medianMs));
  if (endMs === 0) return '';
  const height = HEAD + ROW * milestones.length;
  let fromMs = 0;
  const rows = milestones.map(({ name, summary: { medianMs } }, at) => {
    const y = HEAD + ROW * at;
    const left = NAMES + (PLOT * fromMs) / endMs;
    const width = Math.max(1, (PLOT * (medianMs - fromMs)) / endMs);
    const bar = `<rect class="ours" x="${left.toFixed(1)}" y="${y + 6}" width="${width.toFixed(1)}" height="${ROW - 12}" rx="3"/>`;
    const took = `${timeText(medianMs)} (+${timeText(medianMs - fromMs)})`;
    fromMs = medianMs;
    return `<g>${text(0, y + 20, milestoneText(name))}${bar}${text(WIDTH, y + 20, took, END)}</g>`;
  });
  return svg(height, 'Milestones of a boot, from the launch', [text(NAMES, HEAD - 12, '0', MIDDLE), ...rows]);
}

const svg = (height: number, title: string, parts: readonly string[]): string =>
  `<svg viewBox="0 0 ${WIDTH} ${height + 8}" role="img" aria-label="${escapedHtml(title)}">${parts.join('\n')}</svg>`;

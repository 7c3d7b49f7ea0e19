/** The figures of a report as text, for the table and the page. Pure. */

import { modelTitle } from '../core/model/model.ts';
import { pluralize } from '../core/text/pluralize.ts';
import { BASELINE_SOURCE, type BaselineFigure } from './baseline-figures.ts';
import type { BenchReport, Change, ScenarioResult } from './bench-report.ts';
import { bootEstimate } from './boot-estimates.ts';
import type { LabelShares } from './correctness.ts';

/** `12 ms`, `0.85 s`, `12.3 s`, `230 s`; `-` for no time. */
export function timeText(ms: number | undefined): string {
  if (ms === undefined) return '-';
  if (ms < 99.5) return `${ms.toFixed(0)} ms`;
  const seconds = ms / 1000;
  return `${seconds < 9.995 ? seconds.toFixed(2) : seconds < 99.95 ? seconds.toFixed(1) : seconds.toFixed(0)} s`;
}

/** `230.15 s`, `about 600 s, inaccurate`, `memory errors`; `-` if nothing was published. */
export function baselineText(baseline: BaselineFigure | undefined): string {
  if (baseline === undefined) return '-';
  const { seconds, isAbout, failure } = baseline;
  const time = seconds === undefined ? [] : [`${isAbout === true ? 'about ' : ''}${seconds} s`];
  return [...time, ...(failure === undefined ? [] : [failure])].join(', ');
}

export const scenarioColumns = [
  'scenario',
  'images',
  'median',
  'p95',
  'min',
  'max',
  'images/s',
  'baseline',
  'times faster',
] as const;

/** One for each of `columns`. */
export function scenarioCells({
  name,
  images,
  summary,
  imagesPerSecond,
  seed,
  timesFaster,
}: ScenarioResult): string[] {
  return [
    name,
    images === 0 ? '-' : String(images),
    timeText(summary?.medianMs),
    timeText(summary?.p95Ms),
    timeText(summary?.minMs),
    timeText(summary?.maxMs),
    imagesPerSecond === undefined ? '-' : imagesPerSecond.toFixed(1),
    baselineText(seed),
    timesFaster === undefined ? '-' : String(Number(timesFaster.toPrecision(3))),
  ];
}

const milestoneTexts: Readonly<Record<string, string>> = {
  kernelMs: 'the kernel starts',
  processMs: 'the worker process starts',
  readyMs: 'takes messages',
  runtimeLoadedMs: 'model runtime loaded',
  modelReadyMs: 'model loaded',
  firstMessageMs: 'first batch received',
  firstResultMs: 'first labels stored',
};

/** A milestone in words; an unknown one by its name. */
export const milestoneText = (name: string): string => milestoneTexts[name] ?? name.replace(/Ms$/, '');

/** Times from the launch to the milestones of a boot. On AWS with the estimates of docs/aws.md beside them. */
export function bootTimes({ scenarios, cloud }: BenchReport): { columns: string[]; rows: string[][] } {
  const isOnAws = cloud === 'aws';
  const milestones = scenarios.flatMap((scenario) => scenario.milestones ?? []);
  return {
    columns: ['median', 'p95', 'min', 'max', ...(isOnAws ? ['estimate'] : [])],
    rows: milestones.map(({ name, summary }) => [
      milestoneText(name),
      ...[summary.medianMs, summary.p95Ms, summary.minMs, summary.maxMs].map(timeText),
      ...(isOnAws ? [bootEstimate(name) ?? '-'] : []),
    ]),
  };
}

export const changeColumns = ['scenario', 'before', 'now', 'change', 'verdict'] as const;

/** One for each of `changeColumns`. */
export function changeCells({ name, oldMedianMs, newMedianMs, ratio, verdict }: Change): string[] {
  const verdicts: Partial<Record<Change['verdict'], string>> = {
    faster: 'faster, beyond the noise',
    slower: 'SLOWER, beyond the noise',
    unknown: 'too few repetitions',
    incomparable: 'not in both',
  };
  const percent = ratio === undefined ? undefined : 100 * (ratio - 1);
  const changed = percent === undefined ? '-' : `${percent > 0 ? '+' : ''}${percent.toFixed(1)} %`;
  return [name, timeText(oldMedianMs), timeText(newMedianMs), changed, verdicts[verdict] ?? verdict];
}

/** The conditions of the measurement. */
export function contextLines({
  machine,
  model,
  cloud,
  workerKinds,
  versions,
  options,
}: BenchReport): string[] {
  const memory = `${(machine.memoryBytes / 1e9).toFixed(0)} GB`;
  const workers = workerKinds.length === 0 ? '' : `; workers ${workerKinds.join(', ')}`;
  return [
    `machine  ${machine.cores} cores of ${machine.cpu}, ${memory}, ${machine.platform} ${machine.arch}`,
    `model    ${modelTitle(model)} ${model.version}; cloud ${cloud}${workers}`,
    `versions imgcls ${versions.imgcls}, Node ${versions.node}; ${pluralize(options.repeat, 'repetition')}, ${pluralize(options.boots, 'boot')}`,
  ];
}

export const BASELINE_NOTE = `Baseline: published figures of ${BASELINE_SOURCE}, on other machines and another network.`;

/** The result of the correctness check. */
export function correctnessLines({ correctness }: BenchReport): string[] {
  const { isCorrect, imagesChecked, labels, problems } = correctness;
  const verdict = isCorrect
    ? [`correct  ${imagesChecked} outcomes: one per image, no errors, always the same label`]
    : [`WRONG    ${imagesChecked} outcomes`, ...problems.map((problem) => `         ${problem}`)];
  return [
    ...verdict,
    ...(labels.medium ? [labelsLine('photographs', labels.medium)] : []),
    ...(labels.tiny ? [labelsLine('tiny images', labels.tiny)] : []),
  ];
}

function labelsLine(what: string, { top1Share, topKShare }: LabelShares): string {
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  return `labels   right first label for ${percent(top1Share)} of the ${what}, right label listed for ${percent(topKShare)}`;
}

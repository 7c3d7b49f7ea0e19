/** Compares two reports of `imgcls bench`. Pure. */
import { modelTitle } from '../core/model/model.ts';
import type { BenchReport, Change, ReportComparison, ScenarioResult } from './bench-report.ts';
import { compareSamples } from './statistics.ts';

/** Scenarios in the order of the new report, then those that only the old one has. */
export function compareReports(before: BenchReport, after: BenchReport): ReportComparison {
  const names = new Set([...after.scenarios, ...before.scenarios].map(({ name }) => name));
  const find = ({ scenarios }: BenchReport, name: string) => scenarios.find((each) => each.name === name);
  return {
    with: before.createdAt,
    differences: differences(before, after),
    changes: [...names].map((name) => compareScenario(name, find(before, name), find(after, name))),
  };
}

function compareScenario(
  name: string,
  before: ScenarioResult | undefined,
  after: ScenarioResult | undefined,
): Change {
  const oldMedianMs = before?.summary?.medianMs;
  const newMedianMs = after?.summary?.medianMs;
  const medians = {
    ...(oldMedianMs !== undefined && { oldMedianMs }),
    ...(newMedianMs !== undefined && { newMedianMs }),
  };
  const isSame = before?.images === after?.images;
  if (!isSame || before === undefined || after === undefined || !oldMedianMs || newMedianMs === undefined)
    return { name, ...medians, verdict: 'incomparable' };
  return { name, ...medians, ratio: newMedianMs / oldMedianMs, verdict: verdictOf(before, after) };
}

function verdictOf(before: ScenarioResult, after: ScenarioResult): Change['verdict'] {
  const noise = compareSamples(before.samplesMs, after.samplesMs);
  if (noise === 'unknown') return 'unknown';
  if (noise === 'within') return 'within the noise';
  return (after.summary?.medianMs ?? 0) < (before.summary?.medianMs ?? 0) ? 'faster' : 'slower';
}

/** Differences of the conditions, which may also explain a change. */
function differences(before: BenchReport, after: BenchReport): string[] {
  const facts: [what: string, of: (report: BenchReport) => string][] = [
    ['imgcls', ({ versions }) => versions.imgcls],
    ['node', ({ versions }) => versions.node],
    ['model', ({ model }) => `${modelTitle(model)} ${model.version}, sha256 ${model.sha256.slice(0, 12)}`],
    ['cloud', ({ cloud }) => cloud],
    ['workers', ({ workerKinds }) => workerKinds.join(', ') || 'unknown'],
    ['cpu', ({ machine }) => `${machine.cores} cores of ${machine.cpu}`],
    ['memory', ({ machine }) => `${(machine.memoryBytes / 1e9).toFixed(0)} GB`],
    ['system', ({ machine }) => `${machine.platform} ${machine.arch} ${machine.osRelease}`],
    ['images', ({ options }) => `${options.images}, seed ${options.seed}`],
  ];
  return facts
    .filter(([, of]) => of(before) !== of(after))
    .map(([what, of]) => `${what}: ${of(after)}, was ${of(before)}`);
}

/** The scenarios of `imgcls bench`. Pure. */
import { ImgclsError } from '../core/runtime/errors.ts';
import { type BaselineFigure, baselineFigureOf } from './baseline-figures.ts';

/** About 90 KB (the baseline's images were 80 KB), or about 2 KB. */
export type ImageKind = 'medium' | 'tiny';

export interface Scenario {
  name: string;
  what: string;
  /** `job`: a command from its start to its exit. `upload`: the same without waiting. `boot`: a worker's launch to ready. */
  measures: 'job' | 'upload' | 'boot';
  /** Per repetition; 0 for a boot. */
  images: number;
  kind: ImageKind;
  /** `cold`: no worker runs. `warm`: one runs with its model loaded. `any`: workers do not matter. */
  start: 'cold' | 'warm' | 'any';
  baseline?: BaselineFigure;
}

/** The counts of the paper. */
const MEDIUM_COUNTS = [20, 30, 40, 60];
const TINY_COUNT = 27;
const SUSTAINED_COUNT = 1000;

/** Every scenario, in the order of the report. @param count images of one more size, and of `upload-only`. */
export function allScenarios(count: number): Scenario[] {
  const counts = [...new Set([...MEDIUM_COUNTS, count])].sort((a, b) => a - b);
  return [
    ...counts.flatMap((images) => coldAndWarm('medium', images)),
    ...coldAndWarm('tiny', TINY_COUNT),
    {
      name: 'sustained',
      what: `${SUSTAINED_COUNT} photographs, a worker runs`,
      measures: 'job',
      images: SUSTAINED_COUNT,
      kind: 'medium',
      start: 'warm',
    },
    {
      name: 'upload-only',
      what: `${count} photographs uploaded without waiting for labels`,
      measures: 'upload',
      images: count,
      kind: 'medium',
      start: 'any',
    },
    withBaseline('boot', {
      name: 'boot',
      what: 'a worker, from its launch until it has its model and receives messages',
      measures: 'boot',
      images: 0,
      kind: 'medium',
      start: 'cold',
    }),
  ];
}

function coldAndWarm(kind: ImageKind, images: number): Scenario[] {
  const kindText = kind === 'tiny' ? 'tiny images (2 KB)' : 'photographs (90 KB)';
  const base = { measures: 'job', images, kind } as const;
  const measured = `${kind}-${images}`;
  return [
    withBaseline(measured, {
      ...base,
      name: `${measured}-cold`,
      what: `${images} ${kindText}, no worker runs`,
      start: 'cold',
    }),
    withBaseline(measured, {
      ...base,
      name: `${measured}-warm`,
      what: `${images} ${kindText}, a worker runs`,
      start: 'warm',
    }),
  ];
}

function withBaseline(measured: string, scenario: Scenario): Scenario {
  const baseline = baselineFigureOf(measured);
  return baseline === undefined ? scenario : { ...scenario, baseline };
}

/**
 * The wanted scenarios in the order of the report. A part of a name between hyphens selects all scenarios that have it:
 * `cold`, `tiny`, `medium-30`.
 * @param wanted empty for all.
 * @throws {ImgclsError} of kind `usage` for a name that matches none.
 */
export function selectScenarios(all: readonly Scenario[], wanted: readonly string[]): Scenario[] {
  const matches = (scenario: Scenario, name: string) =>
    name !== '' && `-${scenario.name}-`.includes(`-${name}-`);
  for (const name of wanted) {
    if (all.some((scenario) => matches(scenario, name))) continue;
    throw new ImgclsError('usage', `No scenario matches ${JSON.stringify(name)}.`, {
      hint: `Scenarios: ${all.map((scenario) => scenario.name).join(', ')}.`,
    });
  }
  return wanted.length === 0
    ? [...all]
    : all.filter((scenario) => wanted.some((name) => matches(scenario, name)));
}

/** Cold scenarios first, so that a fleet has to grow and shrink only once. */
export function inRunningOrder(scenarios: readonly Scenario[]): Scenario[] {
  const rank = { cold: 0, any: 1, warm: 2 };
  return scenarios.toSorted((a, b) => rank[a.start] - rank[b.start]);
}

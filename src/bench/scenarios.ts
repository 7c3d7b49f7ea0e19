/** What `imgcls bench` measures, by name. Pure. */
import { ImgclsError } from '../core/runtime/errors.ts';
import { type SeedFigure, seedFigureOf } from './baseline-figures.ts';

/** About 90 KB (the seed's were 80 KB), or about 2 KB. */
export type ImageKind = 'medium' | 'tiny';

export interface Scenario {
  name: string;
  what: string;
  /** `job`: a command from its start to its exit. `upload`: the same without waiting. `boot`: a worker's launch to ready. */
  measures: 'job' | 'upload' | 'boot';
  /** Of one repetition; a boot has none. */
  images: number;
  kind: ImageKind;
  /** `cold`: no worker runs. `warm`: one runs and has its model loaded. `any`: workers have no part in it. */
  start: 'cold' | 'warm' | 'any';
  seed?: SeedFigure;
}

/** Those of the paper. */
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
      what: `${count} photographs stored and announced, not waited for`,
      measures: 'upload',
      images: count,
      kind: 'medium',
      start: 'any',
    },
    withSeed('boot', {
      name: 'boot',
      what: 'a worker, from its launch until it has its model and takes messages',
      measures: 'boot',
      images: 0,
      kind: 'medium',
      start: 'cold',
    }),
  ];
}

function coldAndWarm(kind: ImageKind, images: number): Scenario[] {
  const pictures = kind === 'tiny' ? 'tiny images (2 KB)' : 'photographs (90 KB)';
  const base = { measures: 'job', images, kind } as const;
  const measured = `${kind}-${images}`;
  return [
    withSeed(measured, {
      ...base,
      name: `${measured}-cold`,
      what: `${images} ${pictures}, no worker runs`,
      start: 'cold',
    }),
    withSeed(measured, {
      ...base,
      name: `${measured}-warm`,
      what: `${images} ${pictures}, a worker runs`,
      start: 'warm',
    }),
  ];
}

function withSeed(measured: string, scenario: Scenario): Scenario {
  const seed = seedFigureOf(measured);
  return seed === undefined ? scenario : { ...scenario, seed };
}

/**
 * The scenarios that were asked for, in the order of the report. Part of a name between hyphens stands for all that have
 * it: `cold`, `tiny`, `medium-30`.
 * @param wanted empty: all.
 * @throws {ImgclsError} of kind `usage` for a name that fits none.
 */
export function selectScenarios(all: readonly Scenario[], wanted: readonly string[]): Scenario[] {
  const fits = (scenario: Scenario, name: string) =>
    name !== '' && `-${scenario.name}-`.includes(`-${name}-`);
  for (const name of wanted) {
    if (all.some((scenario) => fits(scenario, name))) continue;
    throw new ImgclsError('usage', `There is no scenario ${JSON.stringify(name)}.`, {
      hint: `Scenarios: ${all.map((scenario) => scenario.name).join(', ')}.`,
    });
  }
  return wanted.length === 0
    ? [...all]
    : all.filter((scenario) => wanted.some((name) => fits(scenario, name)));
}

/** Those that need an empty fleet come first, so that a fleet has to grow and to shrink only once. */
export function inRunningOrder(scenarios: readonly Scenario[]): Scenario[] {
  const rank = { cold: 0, any: 1, warm: 2 };
  return scenarios.toSorted((a, b) => rank[a.start] - rank[b.start]);
}

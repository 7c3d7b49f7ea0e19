/** Runs scenarios, one repetition after the other. */
import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { ImgclsError, messageOf } from '../core/runtime/errors.ts';
import { type ScenarioResult, summaryOf } from './bench-report.ts';
import { type CorrectnessCheck, type OutcomeLine, outcomeLine } from './correctness.ts';
import { type ImageSet, type Submitted, writeFresh } from './image-set.ts';
import type { Finished, Product } from './product.ts';
import { inRunningOrder, type Scenario } from './scenarios.ts';
import type { BenchEnvironment, Boot, Site } from './site.ts';

export interface MeasureOptions {
  site: Site;
  product: Product;
  images: ImageSet;
  /** NAME/VARIANT. */
  model: string;
  /** Of every scenario but boots. */
  repeat: number;
  boots: number;
  /** Makes the bytes of images new to every store. */
  mark: string;
  check: CorrectnessCheck;
  /** A folder for what is submitted and what comes back. */
  work: string;
  /** Says what is going on. */
  progress(text: string): void;
  /** A scenario is done. */
  done(result: ScenarioResult): void;
  signal: AbortSignal;
}

/** Those who wait get so many; no job of a scenario takes longer, a fleet's boot included. */
const TIMEOUT_SECONDS = '1800';

/**
 * Measures all scenarios and answers in their order. What goes wrong in a repetition goes to the correctness check, and
 * the rest is measured all the same.
 * @throws the signal's reason when the user interrupts.
 */
export async function measure(
  scenarios: readonly Scenario[],
  options: MeasureOptions,
): Promise<ScenarioResult[]> {
  const results = new Map<string, ScenarioResult>();
  for (const scenario of inRunningOrder(scenarios)) {
    const isBoot = scenario.measures === 'boot';
    const result = await (isBoot ? measureBoots(scenario, options) : measureJobs(scenario, options));
    results.set(scenario.name, result);
    options.done(result);
  }
  return scenarios.flatMap(({ name }) => results.get(name) ?? []);
}

async function measureJobs(scenario: Scenario, options: MeasureOptions): Promise<ScenarioResult> {
  const samplesMs: number[] = [];
  for (let repetition = 1; repetition <= options.repeat; repetition++) {
    options.progress(`${scenario.name}: ${repetition} of ${options.repeat}`);
    const run = `${scenario.name}, repetition ${repetition}`;
    await attempt(run, options, async () => {
      samplesMs.push(await measureJob(scenario, run, options));
    });
  }
  return resultOf(scenario, samplesMs);
}

async function measureBoots(scenario: Scenario, options: MeasureOptions): Promise<ScenarioResult> {
  const boots: Boot[] = [];
  for (let at = 1; at <= options.boots; at++) {
    options.progress(`${scenario.name}: ${at} of ${options.boots}`);
    await attempt(`${scenario.name}, launch ${at}`, options, async () => {
      boots.push(await options.site.boot());
    });
  }
  const names = [...new Set(boots.flatMap(({ milestones }) => Object.keys(milestones)))];
  const milestones = names.map((name) => {
    const samplesMs = boots.flatMap((boot) => boot.milestones[name] ?? []);
    return { name, samplesMs, summary: summaryOf(samplesMs) };
  });
  return {
    ...resultOf(
      scenario,
      boots.map(({ readyMs }) => readyMs),
    ),
    milestones: milestones.toSorted((a, b) => a.summary.medianMs - b.summary.medianMs),
  };
}

/** What goes wrong with one run is a finding, not the end. */
async function attempt(run: string, options: MeasureOptions, act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    options.signal.throwIfAborted();
    const isPointless = error instanceof ImgclsError && (error.kind === 'usage' || error.kind === 'config');
    if (isPointless) throw error;
    options.check.addProblem(run, messageOf(error));
  }
}

/** @returns how long the command took, in milliseconds. */
async function measureJob(scenario: Scenario, run: string, options: MeasureOptions): Promise<number> {
  const { product, site, images, model, mark, check, work } = options;
  const folder = path.join(work, 'submitted');
  const output = path.join(work, 'outcomes.ndjson');
  const place = await site.place(scenario.start);
  try {
    const submitted = await writeFresh(folder, images.images[scenario.kind], {
      count: scenario.images,
      mark: `${mark}/${run}`,
    });
    const toFile = ['--format', 'ndjson', '--output', output, '--timeout', TIMEOUT_SECONDS];
    const upload = ['upload', folder, '--model', model];
    let finished: Finished;
    if (scenario.measures === 'upload') {
      finished = await product.run([...upload, '--no-wait'], place.env);
      if (finished.code === 0) await collectResults(finished.stdout.trim(), toFile, place, product);
    } else {
      finished = await product.run([...upload, ...toFile], place.env);
    }
    // Some images with an error (3) is for the check to find.
    if (finished.code !== 0 && finished.code !== 3) throw failure(finished);
    check.addRun(run, scenario.kind, submitted, await readOutcomes(output));
    return finished.tookMs;
  } finally {
    await rm(folder, { recursive: true, force: true });
    await rm(output, { force: true });
    await place.leave();
  }
}

/** Not measured: that the images that were stored also get their labels. */
async function collectResults(
  job: string,
  toFile: readonly string[],
  { env }: BenchEnvironment,
  product: Product,
) {
  const finished = await product.run(['results', job, '--wait', ...toFile], env);
  if (finished.code !== 0 && finished.code !== 3) throw failure(finished);
}

const failure = ({ code, stderr }: Finished): ImgclsError =>
  new ImgclsError(
    'permanent',
    `the command ended with code ${code}: ${stderr.trim().split('\n').at(-1) ?? ''}`,
  );

async function readOutcomes(file: string): Promise<OutcomeLine[]> {
  const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '');
  return lines.map((line) => outcomeLine.parse(JSON.parse(line)));
}

/** An unmeasured job, for which workers come up. */
export async function submitSome(options: {
  product: Product;
  env: NodeJS.ProcessEnv;
  images: readonly Parameters<typeof writeFresh>[1][number][];
  model: string;
  mark: string;
  work: string;
}): Promise<void> {
  const { product, env, images, model, mark, work } = options;
  const folder = path.join(work, 'warm-up');
  try {
    const submitted: Submitted = await writeFresh(folder, images, { count: WARM_UP_IMAGES, mark });
    const args = ['upload', folder, '--model', model, '--format', 'lines', '--timeout', TIMEOUT_SECONDS];
    const finished = await product.run(args, env);
    if (finished.code !== 0 || submitted.size === 0) throw failure(finished);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** One request. */
const WARM_UP_IMAGES = 16;

function resultOf(scenario: Scenario, samplesMs: number[]): ScenarioResult {
  const { name, what, measures, images, start, seed } = scenario;
  const summary = samplesMs.length === 0 ? undefined : summaryOf(samplesMs);
  return {
    name,
    what,
    measures,
    images,
    start,
    samplesMs,
    ...(summary && { summary }),
    ...(summary && images > 0 && { imagesPerSecond: (1000 * images) / summary.medianMs }),
    ...(seed && { seed }),
    ...(summary && seed?.seconds && { timesFaster: (1000 * seed.seconds) / summary.medianMs }),
  };
}

/** Measures scenarios, one repetition after the other. */
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
  /** Repetitions of every scenario except boots. */
  repeat: number;
  boots: number;
  /** Makes the bytes of the images new to every store. */
  mark: string;
  check: CorrectnessCheck;
  /** A folder for submitted images and their outcomes. */
  work: string;
  /** Shows the present step. */
  progress(text: string): void;
  /** Called when a scenario is done. */
  done(result: ScenarioResult): void;
  signal: AbortSignal;
}

/** The timeout of a job. No job of a scenario takes longer, even with the boot of a fleet. */
const TIMEOUT_SECONDS = '1800';

/**
 * Measures all scenarios and returns results in their order. A failed repetition becomes a problem of the correctness
 * check, and the others are still measured.
 * @throws the signal's reason if the user interrupts.
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

/** Records an error of one run as a problem, so that the others go on. */
async function attempt(run: string, options: MeasureOptions, operation: () => Promise<void>): Promise<void> {
  try {
    await operation();
  } catch (error) {
    options.signal.throwIfAborted();
    const failsEveryRun = error instanceof ImgclsError && (error.kind === 'usage' || error.kind === 'config');
    if (failsEveryRun) throw error;
    options.check.addProblem(run, messageOf(error));
  }
}

/** @returns the duration of the command, in milliseconds. */
async function measureJob(scenario: Scenario, run: string, options: MeasureOptions): Promise<number> {
  const { product, site, images, model, mark, check, work } = options;
  const folder = path.join(work, 'submitted');
  const output = path.join(work, 'outcomes.ndjson');
  const environment = await site.prepare(scenario.start);
  try {
    const submitted = await writeFresh(folder, images.images[scenario.kind], {
      count: scenario.images,
      mark: `${mark}/${run}`,
    });
    const toFile = ['--format', 'ndjson', '--output', output, '--timeout', TIMEOUT_SECONDS];
    const upload = ['upload', folder, '--model', model];
    let finished: Finished;
    if (scenario.measures === 'upload') {
      finished = await product.run([...upload, '--no-wait'], environment.env);
      if (finished.code === 0) await collectResults(finished.stdout.trim(), toFile, environment, product);
    } else {
      finished = await product.run([...upload, ...toFile], environment.env);
    }
    // Exit code 3 means that some images have an error, which the check finds.
    if (finished.code !== 0 && finished.code !== 3) throw failure(finished);
    check.addRun(run, scenario.kind, submitted, await readOutcomes(output));
    return finished.tookMs;
  } finally {
    await rm(folder, { recursive: true, force: true });
    await rm(output, { force: true });
    await environment.release();
  }
}

/** Unmeasured: waits until the stored images have their labels. */
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
    `the command exited with code ${code}: ${stderr.trim().split('\n').at(-1) ?? ''}`,
  );

async function readOutcomes(file: string): Promise<OutcomeLine[]> {
  const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '');
  return lines.map((line) => outcomeLine.parse(JSON.parse(line)));
}

/** An unmeasured job, so that a worker starts and loads the model. */
export async function submitWarmUp(options: {
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
  const { name, what, measures, images, start, baseline } = scenario;
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
    ...(baseline && { seed: baseline }),
    ...(summary && baseline?.seconds && { timesFaster: (1000 * baseline.seconds) / summary.medianMs }),
  };
}

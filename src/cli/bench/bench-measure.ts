// `imgcls bench`: sets up a measured run, runs it and builds its report.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { availableParallelism, cpus, release, tmpdir, totalmem } from 'node:os';
import path from 'node:path';
import { ulid } from 'ulid';
import { packageFile } from '../../app/package-files.ts';
import { selectJobModel } from '../../app/select-job-model.ts';
import { loadSettings, type RunSettings } from '../../app/settings.ts';
import { systemClock } from '../../app/system-clock.ts';
import { version } from '../../app/version.ts';
import { type BenchReport, parseReport } from '../../bench/bench-report.ts';
import { compareReports } from '../../bench/compare-reports.ts';
import { CorrectnessCheck } from '../../bench/correctness.ts';
import { openImageSet } from '../../bench/image-set.ts';
import { measure } from '../../bench/measure.ts';
import { Product } from '../../bench/product.ts';
import { htmlOf } from '../../bench/report-html.ts';
import { timeText } from '../../bench/report-text.ts';
import { allScenarios, type Scenario, selectScenarios } from '../../bench/scenarios.ts';
import type { Site } from '../../bench/site.ts';
import { modelTitle } from '../../core/model/model.ts';
import type { Cleanup } from '../../core/runtime/cleanup.ts';
import { ImgclsError, messageOf } from '../../core/runtime/errors.ts';
import { FORMAT } from '../../core/runtime/versioned.ts';
import { withInterrupt } from '../run.ts';
import { notice } from '../terminal/notice.ts';
import type { Screen } from '../terminal/screen.ts';
import type { BenchFlags } from './bench-flags.ts';
import { type BenchProgress, startBenchProgress } from './bench-progress.ts';
import { openSite, type SiteParts } from './bench-site.ts';
import { reportTable } from './report-table.ts';

/** Measures the scenarios of the flags. Always removes its processes and files afterwards. */
export async function measureScenarios(flags: BenchFlags): Promise<BenchReport> {
  const { scenarios, settings, old } = await readFlags(flags);
  return await withInterrupt('Nothing was left behind.', async (interrupted, cleanup) => {
    const work = await mkdtemp(path.join(tmpdir(), 'imgcls-bench-run-'));
    cleanup.add(() => rm(work, { recursive: true, force: true, maxRetries: 10 }));
    const product = new Product({
      command: [process.execPath, packageFile('bin/imgcls.js')],
      signal: interrupted,
    });
    cleanup.add(() => product.close());
    const progress = await startBenchProgress();
    cleanup.add(progress.stop);
    const report = await run(scenarios, { flags, settings, work, product, progress, interrupted, cleanup });
    return old === undefined ? report : { ...report, comparison: compareReports(old, report) };
  });
}

/** Checks the flags before the run creates anything. */
async function readFlags(flags: BenchFlags) {
  const { count, repeat, boots, scenario = [], compare, cloud, model: named, cluster, dataDir } = flags;
  checkRange('--count', count, 100_000);
  // The exact test of a comparison supports at most 50.
  checkRange('--repeat', repeat, 50);
  checkRange('--boots', boots, 50);
  const scenarios = selectScenarios(allScenarios(count), scenario);
  const [model, modelVariant] = named?.split('/', 2) ?? [];
  const { settings } = loadSettings({ cloud, model, modelVariant, cluster, dataDir });
  if (settings.cloud === 'aws' && settings.model === undefined)
    throw new ImgclsError('usage', 'No model is set. On AWS there is no default model.', {
      hint: 'Use --model, or set IMGCLS_MODEL.',
    });
  return { scenarios, settings, old: compare === undefined ? undefined : await readOldReport(compare) };
}

function checkRange(flag: string, value: number, max: number): void {
  if (value < 1 || value > max) throw new ImgclsError('usage', `${flag} must be 1 to ${max}, not ${value}.`);
}

async function readOldReport(file: string): Promise<BenchReport> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new ImgclsError('usage', `Cannot read ${file}: ${messageOf(cause)}`, { cause });
  });
  return parseReport(file, text);
}

interface RunParts {
  flags: BenchFlags;
  settings: RunSettings;
  work: string;
  product: Product;
  progress: BenchProgress;
  interrupted: AbortSignal;
  cleanup: Cleanup;
}

async function run(scenarios: readonly Scenario[], parts: RunParts): Promise<BenchReport> {
  const { flags, settings, work, product, progress, interrupted, cleanup } = parts;
  const { count, repeat, boots, seed } = flags;
  const createdAt = new Date(systemClock.nowMs()).toISOString();
  const { ref: model, notice: modelNotice } = await selectJobModel(settings);
  notice(modelNotice);
  progress.show('creating the images');
  const images = await openImageSet({
    samples: packageFile('samples'),
    folder: flags.images,
    seed,
    cacheDir: tmpdir(),
    kinds: [...new Set(scenarios.map(({ kind }) => kind))],
  });
  const title = modelTitle(model);
  // Runs with the same seed submit the same pictures with different bytes, so that no run reuses stored images.
  const mark = `${seed}/${ulid()}`;
  const common: SiteParts = { settings, work, product, progress, interrupted, images, model: title, mark };
  const site: Site = await openSite(scenarios, { ...common, repeat, boots, yes: flags.yes ?? false });
  cleanup.add(() => site.close());
  const check = new CorrectnessCheck({ expectsLabels: images.from === 'samples' });
  const results = await measure(scenarios, {
    ...{ site, product, images, model: title, repeat, boots, mark, check, work },
    progress: progress.show,
    done: ({ name, summary, samplesMs }) =>
      progress.print(`${name}: median ${timeText(summary?.medianMs)} of ${samplesMs.length}`),
    signal: interrupted,
  });
  return {
    v: FORMAT,
    kind: 'imgcls bench',
    createdAt,
    versions: { imgcls: version, node: process.versions.node },
    machine: thisMachine(),
    cloud: settings.cloud,
    workerKinds: await site.workerKinds(),
    model,
    options: { count, repeat, boots, seed, images: images.from },
    scenarios: results,
    correctness: check.result(),
  };
}

const thisMachine = (): BenchReport['machine'] => ({
  cpu: cpus()[0]?.model.trim() ?? 'unknown',
  cores: availableParallelism(),
  memoryBytes: totalmem(),
  platform: process.platform,
  arch: process.arch,
  osRelease: release(),
});

export function reportText(
  report: BenchReport,
  format: 'table' | 'json' | 'html',
  screen: Screen | undefined,
): string {
  if (format === 'json') return `${JSON.stringify(report, null, 2)}\n`;
  return format === 'html' ? htmlOf(report) : reportTable(report, screen);
}

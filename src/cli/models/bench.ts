// `imgcls model bench`: how many images a second a model does on a core of this machine.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageFile } from '../../app/package-files.ts';
import { summarise } from '../../bench/statistics.ts';
import { modelTitle } from '../../core/model/model.ts';
import { ImgclsError, readFault } from '../../core/runtime/errors.ts';
import { type ModelRates, writeModelRates } from '../../scaler/model-rates.ts';
import { screenOf } from '../terminal/screen.ts';
import { openStatusLine } from '../terminal/status-line.ts';
import { drawTable } from '../terminal/table.ts';
import type { ModelCommandDeps } from './model.ts';
import { named } from './named-models.ts';

export interface BenchFlags {
  /** Photographs to measure with. Default: crops of the samples. */
  images?: string;
  format: 'table' | 'json';
}

/** As the photographs of `imgcls bench`. Different ones, so that the CPU cannot learn their content. */
const PHOTOGRAPHS = { count: 16, bytes: 90_000 };
/** With photographs of tens of megabytes, more would fill the memory. */
const MAX_PHOTOGRAPHS = 64;
/** Slowest by fastest repetition. Beyond it, other programs were busy. */
const QUIET_RATIO = 0.8;

/** Measures the installed models, prints their rates and keeps them for quotes and the controller. @param title default: all. */
export async function benchModels(
  deps: ModelCommandDeps,
  title: string | undefined,
  { images, format }: BenchFlags,
): Promise<void> {
  const { library, measure, nowMs, openOutput, out, err } = deps;
  const models = title === undefined ? (await library.list()).models : await named(library, title);
  const photographs = await photographsOf(images);
  const cpu = cpus()[0]?.model.trim() ?? 'unknown';
  const rates: ModelRates = {};
  const rows = [];
  const line = await openStatusLine(err, 'Measuring');
  for (const [at, model] of models.entries()) {
    const name = modelTitle(model.manifest);
    line?.show(`Measuring ${name} (${at + 1} of ${models.length})`);
    const { cores, imagesPerSecond } = await measure(model, photographs).finally(() => line?.hide());
    const { median, min, max } = summarise(imagesPerSecond);
    if (min < QUIET_RATIO * max)
      err.write(
        `warning: ${name}: the repetitions differ by ${percentBelow(min, max)}. Measure on a quiet machine.\n`,
      );
    const rate = { model: name, imagesPerSecondPerCore: median / cores, cores, cpu, atMs: nowMs() };
    rates[model.manifest.sha256] = rate;
    rows.push({ ...rate, imagesPerSecond: median, slowest: min, fastest: max });
  }
  line?.retire();
  const { store, close } = await openOutput();
  await writeModelRates(store, rates).finally(close);
  if (format === 'json') {
    out.write(`${JSON.stringify(rows, null, 2)}\n`);
    return;
  }
  const head = ['model', 'images/s a core', 'images/s here', 'slowest', 'fastest'];
  const cells = rows.map((row) => [
    row.model,
    row.imagesPerSecondPerCore.toFixed(1),
    ...[row.imagesPerSecond, row.slowest, row.fastest].map((each) => each.toFixed(1)),
  ]);
  const style = { screen: screenOf(out), alignRight: head.slice(1), dropFirst: ['slowest', 'fastest'] };
  out.write(`${drawTable(head, cells, style)}\n`);
  err.write(
    `Medians of several repetitions on ${rows[0]?.cores ?? 0} cores (${cpu}). Quotes and the controller use it for models of which they have seen no job.\n`,
  );
}

const percentBelow = (value: number, of: number): string => `${Math.round(100 * (1 - value / of))} %`;

async function photographsOf(folder: string | undefined): Promise<Uint8Array[]> {
  // Loaded here: it loads libvips, which other commands of models do without.
  const { makePhotographs, photographSources } = await import('../../bench/photographs.ts');
  if (folder !== undefined) {
    const files = await photographSources(folder).catch((cause: unknown) => {
      throw new ImgclsError('usage', `Cannot read ${folder}: ${readFault(cause)}.`, { cause });
    });
    const first = files.slice(0, MAX_PHOTOGRAPHS);
    if (first.length > 0) return await Promise.all(first.map((file) => readFile(file)));
    throw new ImgclsError('usage', `No JPEG or PNG found in ${folder}.`);
  }
  const made = await mkdtemp(join(tmpdir(), 'imgcls-model-bench-'));
  try {
    const files = await makePhotographs(made, { sources: packageFile('samples'), ...PHOTOGRAPHS });
    return await Promise.all(files.map((file) => readFile(file)));
  } finally {
    await rm(made, { recursive: true });
  }
}

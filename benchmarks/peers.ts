// Compares imgcls with what others do with the same photographs and the same model: a Python script, Ray Data, transformers.js.
//
//     npm run bench:peers -- [--model FILE_OR_FOLDER] [--images FOLDER] [--count 1000] [--repetitions 5]
//                            [--only pool,warm,cold,ray,transformers] [--json FILE] [--write-docs]
//
// Wall time is from the start of a command to its end. Processor time is that of all its processes (peers/measure.py). In each
// repetition the contenders run one after the other. Each run of imgcls has a new data folder, which contains the model, optimised
// for this CPU, and nothing of earlier runs. Before the first repetition each contender runs once with a few photographs: the first
// run on a machine reads its programs from disk.
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { makePhotographs } from '../src/bench/photographs.ts';
import { Product } from '../src/bench/product.ts';
import { installPackage } from '../test/e2e/package.ts';
import { MadePart } from '../tools/made-part.ts';
import { distinctPhotographs } from './distinct-photographs.ts';
import { type InstalledModel, installModel } from './installed-model.ts';
import { median } from './median.ts';
import type { Contender, Work } from './peers/contender.ts';
import { pythonWith } from './peers/environments.ts';
import { measuredRun } from './peers/measured-run.ts';
import { openPool, openRayData, openTransformers } from './peers/others.ts';
import { openCold, openWarm } from './peers/ours.ts';
import { agreementsOf, type Row, standingsOf, tableOf } from './peers/standings.ts';

const CONTENDERS: Record<string, (work: Work) => Promise<Contender>> = {
  pool: openPool,
  warm: openWarm,
  cold: openCold,
  ray: openRayData,
  transformers: openTransformers,
};
const MADE = { count: 100, bytes: 100_000 };
const FIRST_RUN_COUNT = 16;
/**
 * Decoders round differently, which changes the best label of a few in a hundred; transformers.js scales without a filter, which
 * changes that of one in ten. Fewer alike means that a contender does different work.
 */
const MIN_AGREEMENT = 0.75;

const { values: flags } = parseArgs({
  options: {
    model: { type: 'string' },
    images: { type: 'string' },
    count: { type: 'string', default: '1000' },
    repetitions: { type: 'string', default: '5' },
    only: { type: 'string', default: Object.keys(CONTENDERS).join(',') },
    json: { type: 'string' },
    'write-docs': { type: 'boolean', default: false },
  },
});
const count = Number(flags.count);
const interrupt = new AbortController();
process.once('SIGINT', () => interrupt.abort(new Error('Interrupted.')));

const installed = await installPackage();
const folder = await mkdtemp(path.join(tmpdir(), 'imgcls-peers-'));
const product = new Product({ command: [process.execPath, installed.bin], signal: interrupt.signal });
try {
  await main();
} catch (error) {
  console.error(`error: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
} finally {
  await product.close();
  await installed.remove();
  await rm(folder, { recursive: true, force: true, maxRetries: 10 });
}

async function main(): Promise<void> {
  const python = await pythonWith('pool.txt');
  const sources = flags.images ?? (await madePhotographs());
  const [photographs, few] = [path.join(folder, 'photographs'), path.join(folder, 'few')];
  await distinctPhotographs(photographs, { sources, count });
  await distinctPhotographs(few, { sources, count: FIRST_RUN_COUNT });
  const model = await installModel(installed.bin, folder, flags.model);
  const contenders = await openContenders(model);
  for (const contender of contenders.values()) await runOnce(contender, few, python);
  const rows: Row[] = [];
  const labels = new Map<string, ReadonlyMap<string, string>[]>();
  for (let repetition = 1; repetition <= Number(flags.repetitions); repetition++) {
    for (const [name, contender] of contenders) {
      const { wallMs, cpuMs, ...run } = await runOnce(contender, photographs, python);
      labels.set(name, [...(labels.get(name) ?? []), run.labels]);
      rows.push({ repetition, contender: name, wallMs, cpuMs });
      const cpu = cpuMs === null ? '' : `, CPU ${cpuMs.toFixed(0)} ms`;
      console.error(`${repetition} ${name}: wall ${wallMs.toFixed(0)} ms${cpu}`);
    }
  }
  await report({
    about: await about(model, photographs),
    rows,
    agreements: agreementsOf(labels),
    contenders,
  });
}

async function openContenders(model: InstalledModel): Promise<Map<string, Contender>> {
  const work = { model, processes: availableParallelism(), folder, product, bin: installed.bin };
  const contenders = new Map<string, Contender>();
  for (const name of flags.only.split(',')) {
    const open = CONTENDERS[name];
    if (open === undefined)
      throw new Error(`No contender is called ${name}. There are: ${Object.keys(CONTENDERS).join(', ')}.`);
    contenders.set(name, await open(work));
  }
  return contenders;
}

/** The folder of photographs that are measured without `--images`. It is kept for later runs. */
async function madePhotographs(): Promise<string> {
  const folder = path.join(tmpdir(), `imgcls-bench-peers-${MADE.bytes}`);
  await makePhotographs(folder, { sources: path.resolve(import.meta.dirname, '..', 'samples'), ...MADE });
  return folder;
}

/** @throws if a photograph has no label. */
async function runOnce(contender: Contender, photographs: string, python: string) {
  interrupt.signal.throwIfAborted();
  const outputs = await mkdtemp(path.join(folder, 'run-'));
  const { labelsOf, end, ...run } = await contender.prepare(photographs);
  const { stdout, ...measured } = await measuredRun(run, { python, folder: outputs });
  await end?.();
  const labels = labelsOf(stdout);
  const missing = (await readdir(photographs)).filter((name) => !labels.has(name));
  if (missing.length > 0)
    throw new Error(
      `${missing.length} photographs have no label of ${contender.title}, such as ${missing[0]}.`,
    );
  return { labels, ...measured };
}

interface Results {
  about: string;
  rows: readonly Row[];
  agreements: ReadonlyMap<string, number>;
  contenders: ReadonlyMap<string, Contender>;
}

async function report({ about, rows, agreements, contenders }: Results): Promise<void> {
  const titles = new Map([...contenders].map(([name, { title }]) => [name, title]));
  const text = `${about}\n\n${tableOf(standingsOf(rows), { titles, agreements })}`;
  console.log(text);
  if (flags.json !== undefined)
    await writeFile(
      flags.json,
      JSON.stringify({ about, rows, agreements: Object.fromEntries(agreements) }, null, 1),
    );
  for (const [name, share] of agreements)
    if (share < MIN_AGREEMENT) throw new Error(`${name} does not do the same work: see the last column.`);
  if (flags['write-docs'])
    await new MadePart('docs/performance.md', 'npm run bench:peers -- --write-docs').write(text);
}

/** What was measured, as a line above the table. */
async function about({ name, variant }: InstalledModel, photographs: string): Promise<string> {
  const files = await readdir(photographs);
  const sizes = await Promise.all(files.map(async (file) => (await stat(path.join(photographs, file))).size));
  const kilobytes = Math.round(median(sizes) / 1000);
  // An imported model has no name of its own. Its file is called model.onnx, its folder by its name.
  const title =
    flags.model
      ?.replace(/\/model\.onnx$/, '')
      .split('/')
      .at(-1) ?? `${name}/${variant}`;
  return `${count.toLocaleString('en')} photographs (median ${kilobytes} KB), ${title}, ${availableParallelism()} cores of ${cpus()[0]?.model}, medians of ${flags.repetitions}:`;
}

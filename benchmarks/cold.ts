// Measures the latency of a small job and the start of a worker, as multiples of the scripts that a user would write:
// children/bare.ts, one process with the runtime's defaults, and peers/pool.py, a pool of processes in Python.
// The job runs cold (no worker) and warm (a worker with its model). Job and scripts alternate; the result is their ratio.
//
//     npm run bench:cold -- [--model FILE] [--counts 20,30] [--repeat 5]
import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { makePhotographs } from '../src/bench/photographs.ts';
import { Product } from '../src/bench/product.ts';
import { installPackage } from '../test/e2e/package.ts';
import { type InstalledModel, installModel } from './installed-model.ts';
import { measuredUpload } from './measured-upload.ts';
import { median } from './median.ts';
import type { Contender } from './peers/contender.ts';
import { openPool } from './peers/others.ts';
import { startWarmWorker } from './warm-worker.ts';

const { values: flags } = parseArgs({
  options: {
    model: { type: 'string' },
    counts: { type: 'string', default: '20,30' },
    repeat: { type: 'string', default: '5' },
    bytes: { type: 'string', default: '90000' },
    images: { type: 'string', default: path.resolve(import.meta.dirname, '..', 'samples') },
  },
});
const counts = flags.counts.split(',').map(Number);
const repeat = Number(flags.repeat);
const run = promisify(execFile);
const processes = availableParallelism();
const bare = path.join(import.meta.dirname, 'children', 'bare.ts');

const installed = await installPackage();
const { bin } = installed;
const work = await mkdtemp(path.join(tmpdir(), 'imgcls-cold-'));
const interrupt = new AbortController();
process.once('SIGINT', () => interrupt.abort(new Error('Interrupted.')));
const product = new Product({ command: [process.execPath, bin], signal: interrupt.signal });
try {
  await main();
} finally {
  await product.close();
  await installed.remove();
  await rm(work, { recursive: true, force: true, maxRetries: 10 });
}

/** Milliseconds. */
interface Round {
  cold: number;
  bare: number;
  pool: number;
  warm: number;
  bareImages: number;
}

async function main(): Promise<void> {
  const model = await installModel(bin, work, flags.model);
  const pool = await openPool({ model, processes });
  const photographs = await makePhotographs(path.join(tmpdir(), `imgcls-bench-cold-${flags.bytes}`), {
    sources: flags.images,
    count: repeat * 2 * Math.max(...counts),
    bytes: Number(flags.bytes),
  });
  console.log(`${model.name}/${model.variant}, ${processes} cores of ${cpus()[0]?.model}, medians of ${repeat}

| | no worker running | script in Node | script in Python (pool) | faster script = 1 | a worker running | script in Node after its load | script = 1 |
|---:|---:|---:|---:|---:|---:|---:|---:|`);
  for (const count of counts) {
    const rounds: Round[] = [];
    for (let round = 0; round < repeat; round++) {
      // Different photographs every time: outcomes that are known are not computed again.
      const [cold, warm] = (await Promise.all(
        [2 * round, 2 * round + 1].map((share) =>
          folderOf(photographs.slice(share * count, (share + 1) * count)),
        ),
      )) as [string, string];
      rounds.push(await measuredRound(model, pool, { cold, warm, count }));
    }
    console.log(rowOf(count, rounds));
  }
  console.log(
    `\nA worker, from its start to a model in each of its runners: **${(await startRatio(model)).toFixed(2)}** of a script that loads ${processes} sessions`,
  );
}

async function folderOf(photographs: readonly string[]): Promise<string> {
  const folder = await mkdtemp(path.join(work, 'photographs-'));
  for (const file of photographs) await copyFile(file, path.join(folder, path.basename(file)));
  return folder;
}

async function measuredRound(
  model: InstalledModel,
  pool: Contender,
  { cold, warm, count }: { cold: string; warm: string; count: number },
): Promise<Round> {
  return {
    bare: (await bareRun(model, cold, count)).wallMs,
    pool: await poolRun(pool, cold),
    cold: await measuredUpload(bin, cold, { count, env: await model.fresh() }),
    bareImages: (await bareRun(model, warm, count)).imagesMs,
    warm: await warmUpload(model, warm, count),
  };
}

function rowOf(count: number, rounds: readonly Round[]): string {
  const ms = (of: keyof Round) => `${median(rounds.map((round) => round[of])).toFixed(0)} ms`;
  const cold = median(rounds.map(({ cold, bare, pool }) => cold / Math.min(bare, pool)));
  const warm = median(rounds.map(({ warm, bareImages }) => warm / bareImages));
  const cells = [
    ...[ms('cold'), ms('bare'), ms('pool'), `**${cold.toFixed(2)}**`],
    ...[ms('warm'), ms('bareImages'), `**${warm.toFixed(2)}**`],
  ];
  return `| ${count} photographs | ${cells.join(' | ')} |`;
}

async function startRatio(model: InstalledModel): Promise<number> {
  const ratios: number[] = [];
  for (let round = 0; round < repeat; round++) {
    const script = await bareStart(model);
    const worker = await product.startWorker(await model.fresh());
    await worker.end();
    ratios.push(worker.readyMs / script);
  }
  return median(ratios);
}

async function bareRun({ file: model, mean, std }: InstalledModel, folder: string, count: number) {
  const startMs = performance.now();
  const { stdout } = await run(process.execPath, [bare, JSON.stringify({ model, folder, count, mean, std })]);
  return { wallMs: performance.now() - startMs, imagesMs: JSON.parse(stdout).imagesMs as number };
}

/** From the start of the process until it has one session per core. */
async function bareStart({ file: model }: InstalledModel): Promise<number> {
  const startMs = performance.now();
  await run(process.execPath, [bare, JSON.stringify({ model, sessions: processes })]);
  return performance.now() - startMs;
}

async function poolRun(pool: Contender, folder: string): Promise<number> {
  const { command, env } = await pool.prepare(folder);
  const [program = '', ...args] = command;
  const startMs = performance.now();
  await run(program, args, { env });
  return performance.now() - startMs;
}

async function warmUpload(model: InstalledModel, folder: string, count: number): Promise<number> {
  const env = await model.fresh();
  const worker = await startWarmWorker(product, folder, env);
  const tookMs = await measuredUpload(bin, folder, { count, env });
  await worker.end();
  return tookMs;
}

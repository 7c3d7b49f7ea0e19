// Measures the throughput of the whole pipeline (store, queue, worker, model, ledger) as a share of the in-memory ceiling.
//
//     npm run bench:pipeline -- [--count 1000] [--bytes 100000] [--repeat 5] [--model FILE_OR_FOLDER] [--images FOLDER]
//
// Ceiling: photographs that are in memory, one process per core, without imgcls: in Node and in Python (in-memory/). The faster of
// both counts. Warm: `imgcls label` while a worker runs. Cold: `imgcls label` alone, which starts its worker and ends it. Each
// repetition measures all of them; the result is their ratio. Each upload has a new data folder, which knows no image.

import { hash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { makePhotographs } from '../src/bench/photographs.ts';
import { Product } from '../src/bench/product.ts';
import { installPackage } from '../test/e2e/package.ts';
import { distinctPhotographs } from './distinct-photographs.ts';
import { type Ceiling, startCeiling } from './in-memory/ceiling.ts';
import { type InstalledModel, installModel } from './installed-model.ts';
import { measuredUpload } from './measured-upload.ts';
import { median } from './median.ts';
import { pythonWith } from './peers/environments.ts';
import { startWarmWorker } from './warm-worker.ts';

const { values: flags } = parseArgs({
  options: {
    count: { type: 'string', default: '1000' },
    bytes: { type: 'string', default: '100000' },
    repeat: { type: 'string', default: '5' },
    model: { type: 'string' },
    images: { type: 'string', default: path.join(import.meta.dirname, '..', 'samples') },
  },
});
const count = Number(flags.count);
const processes = availableParallelism();
const MEMORY_POLL_MS = 1000;

const { bin, remove } = await installPackage();
const work = await mkdtemp(path.join(tmpdir(), 'imgcls-bench-'));
const interrupt = new AbortController();
process.once('SIGINT', () => interrupt.abort(new Error('Interrupted.')));
const product = new Product({ command: [process.execPath, bin], signal: interrupt.signal });
const ceilings = new Map<'Node' | 'Python', Ceiling>();
try {
  await main();
} finally {
  await product.close();
  for (const ceiling of ceilings.values()) await ceiling.close();
  await remove();
  await rm(work, { recursive: true, force: true, maxRetries: 10 });
}

/** Images per second. */
interface Row {
  Node: number;
  Python: number;
  warm: number;
  cold: number;
}

async function main(): Promise<void> {
  const photographs = await makeFolder();
  const model = await installModel(bin, work, flags.model);
  const inMemory = path.join(import.meta.dirname, 'in-memory');
  const programs = {
    Node: [process.execPath, path.join(inMemory, 'node.ts')],
    Python: [await pythonWith('pool.txt'), path.join(inMemory, 'python.py')],
  };
  for (const name of ['Node', 'Python'] as const)
    ceilings.set(name, await startCeiling(programs[name], { photographs, model: model.dir, processes }));
  const limit = async (name: 'Node' | 'Python') => (await ceilings.get(name)?.measure(count)) ?? Number.NaN;
  const perSecond = (ms: number) => (1000 * count) / ms;
  const rows: Row[] = [];
  let memory = '';
  for (let i = 0; i < Number(flags.repeat); i++) {
    const [node, python] = [await limit('Node'), await limit('Python')];
    const warm = await measureWarm(photographs, model);
    memory = warm.memory;
    const cold = await measuredUpload(bin, photographs, { count, env: await model.fresh() });
    rows.push({ Node: node, Python: python, warm: perSecond(warm.ms), cold: perSecond(cold) });
    const figures = Object.entries(rows.at(-1) ?? {}).map(([name, rate]) => `${name} ${rate.toFixed(1)}`);
    console.log(`${i + 1}: ${figures.join(', ')} images/s`);
  }
  report(model, rows, memory);
}

/** Kept for later runs with the same originals. */
async function makeFolder(): Promise<string> {
  const sources = hash('sha256', path.resolve(flags.images)).slice(0, 8);
  const made = path.join(tmpdir(), `imgcls-bench-${sources}-${flags.bytes}-bytes`);
  await makePhotographs(made, { sources: flags.images, count, bytes: Number(flags.bytes) });
  const photographs = path.join(work, 'photographs');
  await distinctPhotographs(photographs, { sources: made, count });
  return photographs;
}

function report(model: InstalledModel, rows: readonly Row[], memory: string): void {
  const rate = (of: keyof Row) => median(rows.map((row) => row[of]));
  const fastest = rate('Node') > rate('Python') ? 'Node' : 'Python';
  const lineOf = (of: 'warm' | 'cold') => {
    const share = median(rows.map((row) => row[of] / row[fastest]));
    return `${rate(of).toFixed(1)} images/s, ${(100 * share).toFixed(1)} % of the ceiling`;
  };
  console.log(`
${count} photographs of ${flags.bytes} bytes, model ${model.name}/${model.variant}, ${processes} cores of ${cpus()[0]?.model}
in memory, Node    ${rate('Node').toFixed(1)} images/s
in memory, Python  ${rate('Python').toFixed(1)} images/s
the ceiling is     ${fastest}
worker running     ${lineOf('warm')}
no worker running  ${lineOf('cold')}
medians of ${rows.length}; percentages are medians of the ratios of each repetition
peak memory        ${memory}`);
}

/** `imgcls label` while a worker runs with its model loaded. */
async function measureWarm(photographs: string, model: InstalledModel) {
  const env = await model.fresh();
  const worker = await startWarmWorker(product, photographs, env);
  let memory = '';
  let peak = 0;
  // Polled during the job, because its end frees memory.
  const polling = setInterval(async () => {
    const now = await memoryOf(worker.pid);
    if (Number.parseInt(now, 10) <= peak) return;
    peak = Number.parseInt(now, 10);
    memory = now;
  }, MEMORY_POLL_MS);
  const ms = await measuredUpload(bin, photographs, { count, env });
  clearInterval(polling);
  await worker.end();
  return { ms, memory };
}

/** Current memory of a process and its children; shared memory counts once (Linux). */
async function memoryOf(pid: number): Promise<string> {
  const pssMb = async (id: string | number) => {
    const rollup = await readFile(`/proc/${id}/smaps_rollup`, 'utf8').catch(() => '');
    return Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0) / 1024;
  };
  const listed = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  const all = await Promise.all([pid, ...listed.trim().split(' ').filter(Boolean)].map(pssMb));
  const total = all.reduce((sum, mb) => sum + mb, 0);
  return `${total.toFixed(0)} MB PSS (${all.map((mb) => mb.toFixed(0)).join(' + ')})`;
}

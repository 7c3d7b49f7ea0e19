// Measures the latency of a small job and the start of a worker, as multiples of a bare script (children/bare.ts).
// The job runs cold (no worker) and warm (a worker with its model). Job and script alternate; the result is their ratio.
//
//     npm run bench:cold -- [--model FILE] [--counts 20,30] [--repeat 5]
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { makePhotographs } from '../src/bench/photographs.ts';
import { installPackage } from '../test/e2e/package.ts';
import { type InstalledModel, installModel } from './installed-model.ts';
import { median } from './median.ts';

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
const ms = (value: number) => `${value.toFixed(0)} ms`;
const bare = path.join(import.meta.dirname, 'children', 'bare.ts');

const installed = await installPackage();
const work = await mkdtemp(path.join(tmpdir(), 'imgcls-cold-'));
const children = new Set<ChildProcess>();
try {
  await main();
} finally {
  for (const child of children) child.kill();
  await installed.remove();
  await rm(work, { recursive: true, force: true, maxRetries: 10 });
}

async function main(): Promise<void> {
  const model = await installModel(installed.bin, work, flags.model);
  const photographs = await makePhotographs(path.join(tmpdir(), `imgcls-bench-cold-${flags.bytes}`), {
    sources: flags.images,
    count: repeat * 2 * Math.max(...counts),
    bytes: Number(flags.bytes),
  });
  console.log(`model ${model.name}/${model.variant}, ${cpus().length} cores of ${cpus()[0]?.model}`);
  for (const count of counts) {
    /** Different photographs every time: stored ones are not uploaded again. */
    const folderOf = async (how: string, round: number) => {
      const folder = path.join(work, `${count}-${how}-${round}`);
      await mkdir(folder);
      const first = (2 * round + (how === 'warm' ? 1 : 0)) * count;
      for (const file of photographs.slice(first, first + count))
        await copyFile(file, path.join(folder, path.basename(file)));
      return folder;
    };
    const cold: number[] = [];
    const warm: number[] = [];
    for (let round = 0; round < repeat; round++) {
      const [coldFolder, warmFolder] = [await folderOf('cold', round), await folderOf('warm', round)];
      const script = await bareRun(model, coldFolder, count);
      const coldMs = await upload(await model.fresh(), coldFolder, count);
      const { imagesMs } = await bareRun(model, warmFolder, count);
      const warmMs = await warmUpload(model, warmFolder, count);
      cold.push(coldMs / script.wallMs);
      warm.push(warmMs / imagesMs);
      console.log(
        `${count} images: cold ${ms(coldMs)}, script ${ms(script.wallMs)}; warm ${ms(warmMs)}, script without start ${ms(imagesMs)}`,
      );
    }
    console.log(
      `${count} images: cold ${median(cold).toFixed(2)} times the script, warm ${median(warm).toFixed(2)} times the script without start`,
    );
  }
  const ready: number[] = [];
  for (let round = 0; round < repeat; round++) {
    const script = await bareStart(model);
    const worker = await startWorker(model);
    await worker.end();
    ready.push(worker.readyMs / script);
    console.log(`start to ready: worker ${ms(worker.readyMs)}, script ${ms(script)}`);
  }
  console.log(`start to ready: ${median(ready).toFixed(2)} times the script`);
}

async function bareRun({ file: model, mean, std }: InstalledModel, folder: string, count: number) {
  const startMs = performance.now();
  const { stdout } = await run(process.execPath, [bare, JSON.stringify({ model, folder, count, mean, std })]);
  return { wallMs: performance.now() - startMs, imagesMs: JSON.parse(stdout).imagesMs as number };
}

/** From the start of the process until it has one session per core. */
async function bareStart({ file: model }: InstalledModel): Promise<number> {
  const startMs = performance.now();
  await run(process.execPath, [bare, JSON.stringify({ model, sessions: cpus().length })]);
  return performance.now() - startMs;
}

/** The duration of an upload. Checks that every photograph has one label and no error. */
async function upload(env: NodeJS.ProcessEnv, folder: string, count: number): Promise<number> {
  const startMs = performance.now();
  const { stdout } = await run(process.execPath, [installed.bin, 'upload', folder, '--format', 'ndjson'], {
    env,
  });
  const tookMs = performance.now() - startMs;
  const outcomes = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  const names = new Set(outcomes.filter(({ error }) => error === undefined).map(({ name }) => name));
  if (outcomes.length !== count || names.size !== count)
    throw new Error(`Only ${names.size} of ${count} photographs have a label.`);
  return tookMs;
}

async function warmUpload(model: InstalledModel, folder: string, count: number): Promise<number> {
  const worker = await startWorker(model);
  // A first image, so that one-time costs are not measured.
  const first = path.join(folder, (await readdir(folder))[0] ?? '');
  await run(process.execPath, [installed.bin, 'upload', first], { env: worker.env });
  const tookMs = await upload(worker.env, folder, count);
  await worker.end();
  return tookMs;
}

/** A worker whose log says that its model runners have loaded the model. */
async function startWorker(model: InstalledModel) {
  const env = await model.fresh();
  const startMs = performance.now();
  const child = spawn(process.execPath, [installed.bin, 'worker'], {
    env: { ...env, IMGCLS_LOG_LEVEL: 'debug' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  children.add(child);
  const readyMs = await new Promise<number>((resolve) => {
    let text = '';
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      if (text.includes('modelReadyMs')) resolve(performance.now() - startMs);
    });
  });
  return {
    env,
    readyMs,
    async end() {
      child.kill();
      await once(child, 'exit');
      children.delete(child);
    },
  };
}

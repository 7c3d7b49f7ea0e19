// Measures the latency of single images that a caller waits for: on an idle worker, and while it runs a large job.
//
//     npm run bench:interactive -- [--large 20000] [--calls 100] [--bytes 20000] [--runners N] [--images FOLDER]
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openClient, openCloud } from '../src/app/open-cloud.ts';
import { selectJobModel } from '../src/app/select-job-model.ts';
import { loadSettings } from '../src/app/settings.ts';
import { makePhotographs } from '../src/bench/photographs.ts';
import { isError } from '../src/core/model/outcome.ts';

const repository = path.resolve(import.meta.dirname, '..');
const { values: flags } = parseArgs({
  options: {
    large: { type: 'string', default: '20000' },
    calls: { type: 'string', default: '100' },
    bytes: { type: 'string', default: '20000' },
    runners: { type: 'string' },
    images: { type: 'string', default: path.join(repository, 'samples') },
  },
});
const large = Number(flags.large);
const calls = Number(flags.calls);
/** Different photographs. The job repeats them with a few bytes appended, which no decoder reads. */
const PHOTOGRAPHS = 500;
/** Includes the start of a worker's model runner. */
const TIMEOUT_MS = 60_000;

const dataDir = await mkdtemp(path.join(tmpdir(), 'imgcls-bench-'));
const { settings } = loadSettings({ cloud: 'local', dataDir });
const cloud = await openCloud(settings);
const client = openClient(cloud, settings, console.error);
const worker = startWorker();
try {
  await main();
} finally {
  worker.kill();
  await once(worker, 'exit');
  await client.close();
  await cloud.close();
  await rm(dataDir, { recursive: true, force: true });
}

async function main(): Promise<void> {
  const folder = path.join(tmpdir(), `imgcls-bench-interactive-${flags.bytes}`);
  const made = await makePhotographs(folder, {
    sources: flags.images,
    count: PHOTOGRAPHS,
    bytes: Number(flags.bytes),
  });
  const photographs = await Promise.all(made.map((file) => readFile(file)));
  const { ref: model } = await selectJobModel(settings);
  const variant = (index: number, salt: string) =>
    Buffer.concat([photographs[index % PHOTOGRAPHS] ?? Buffer.alloc(0), Buffer.from(`${salt} ${index}`)]);

  const classify = async (index: number, salt: string) => {
    const image = { name: `${index}.jpg`, bytes: variant(index, salt) };
    const startMs = performance.now();
    const outcome = await client.classify(image, { model, topK: 5, timeoutMs: TIMEOUT_MS });
    if (isError(outcome)) throw new Error(outcome.error.message);
    return performance.now() - startMs;
  };
  const measure = async (salt: string) => {
    const times: number[] = [];
    for (let index = 0; index < calls; index++) times.push(await classify(index, salt));
    return times;
  };

  console.log(`first: ${(await classify(0, 'first')).toFixed(0)} ms (the worker may still start)`);
  await measure('warm');
  const idle = await measure('idle');
  report('idle', idle);

  async function* images() {
    for (let index = 0; index < large; index++) {
      const name = `${index}.jpg`;
      yield { kind: 'bytes' as const, name, source: name, bytes: variant(index, 'job') };
    }
  }
  const submittedMs = performance.now();
  const job = await client.submit(images(), { model, topK: 1, wait: false });
  await wait(3000);
  const whileSubmitted = await measure('submitting');
  report('while the job is submitted (by this process) and runs', whileSubmitted);
  await job.submitted;
  await wait(1000);
  const loaded = await measure('loaded');
  const { waiting } = await cloud.queues.open(`imgcls-${cloud.cluster}-request`).depth();
  report('while the job runs', loaded);
  if (waiting === 0) throw new Error('The job ended before the calls did. Set a larger --large.');
  const done = large - waiting * 16;
  const seconds = (performance.now() - submittedMs) / 1000;
  console.log(
    `ratio of p95: ${(p(loaded, 95) / p(idle, 95)).toFixed(2)}; job: ${(done / seconds).toFixed(0)} images/s meanwhile`,
  );
  await job.cancel();
}

function startWorker(): ChildProcess {
  const bin = path.join(repository, 'bin', 'imgcls.js');
  const args = flags.runners === undefined ? [] : ['--runners', flags.runners];
  return spawn(process.execPath, [bin, 'worker', ...args], {
    env: { ...process.env, IMGCLS_DATA_DIR: dataDir },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

/** The percentile by nearest rank. */
function p(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil((percent / 100) * sorted.length) - 1] ?? Number.NaN;
}

function report(what: string, times: readonly number[]): void {
  const figures = [50, 95, 99].map((percent) => `p${percent} ${p(times, percent).toFixed(1)} ms`);
  console.log(`${what}: ${figures.join(', ')} (${times.length} calls)`);
}

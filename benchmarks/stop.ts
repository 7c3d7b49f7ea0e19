// Measures how much longer an upload takes if an idle worker was told to stop (SIGTERM) just before: over servers that, like
// SQS, lease the next message also to a poll whose caller has gone. Uploads with and without such a stop alternate.
//
//     npm run install:servers && npm run bench:stop -- [--repeat 5]
import path from 'node:path';
import { parseArgs } from 'node:util';
import { type Running, repository } from '../test/e2e/package.ts';
import { ForeignCluster, PAIRS } from '../test/servers/cluster.ts';
import { median } from './median.ts';

const { values: flags } = parseArgs({ options: { repeat: { type: 'string', default: '5' } } });
const seconds = (ms: number): string => `${(ms / 1_000).toFixed(2)} s`;
const all = (times: readonly number[]): string => times.map(seconds).join(', ');

for (const pair of PAIRS) {
  const cluster = await ForeignCluster.start(pair);
  try {
    await measure(cluster, `${pair.store} and ${pair.queues}`);
  } finally {
    await cluster.close();
  }
}

async function measure(cluster: ForeignCluster, name: string): Promise<void> {
  const without: number[] = [];
  const withStop: number[] = [];
  // Stores the images.
  await end((await uploadToNewWorker(cluster)).worker);
  for (let round = 0; round < Number(flags.repeat); round++) {
    const alone = await uploadToNewWorker(cluster);
    without.push(alone.tookMs);
    // It has done its job, so it waits for the next message.
    alone.worker.kill('SIGTERM');
    const after = await uploadToNewWorker(cluster);
    withStop.push(after.tookMs);
    await alone.worker.finished;
    await end(after.worker);
  }
  const ratio = (median(withStop) / median(without)).toFixed(2);
  console.log(`${name}: ${ratio} times (with a stop ${all(withStop)}; without ${all(without)})`);
}

async function uploadToNewWorker(cluster: ForeignCluster): Promise<{ worker: Running; tookMs: number }> {
  const worker = await cluster.worker();
  const startMs = performance.now();
  const { code, stderr } = await cluster.imgcls(['upload', path.join(repository, 'samples')]).finished;
  if (code !== 0) throw new Error(stderr);
  return { worker, tookMs: performance.now() - startMs };
}

async function end(worker: Running): Promise<void> {
  worker.kill('SIGTERM');
  await worker.finished;
}

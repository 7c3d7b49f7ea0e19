/**
 * Measures the rates of the embedded cloud's queue and store: `node benchmarks/embedded-cloud.ts [folder]`.
 * The folder (by default the temporary one) decides which disk is measured.
 */
import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cloud, Store } from '../src/core/cloud/ports.ts';
import { createLocalCloud } from '../src/local/cloud.ts';

const MESSAGES = 50_000;
const CONSUMERS = 2;
const QUEUE = 'bench';

async function rate(count: number, run: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await run();
  return Math.round((count * 1_000) / (performance.now() - start));
}

/** Makes `count` calls, `parallel` at a time. */
async function each(count: number, parallel: number, call: (n: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: parallel }, async () => {
      while (next < count) await call(next++);
    }),
  );
}

async function consume(dataDir: string): Promise<void> {
  const cloud = createLocalCloud({ dataDir, cluster: 'bench' });
  const queue = cloud.queues.open(QUEUE);
  process.send?.('ready');
  await once(process, 'message');
  let count = 0;
  for (;;) {
    const messages = await queue.receive({ max: 10, waitMs: 200, leaseMs: 60_000 });
    if (messages.length === 0) break;
    count += messages.length;
    await queue.delete(messages.map(({ receipt }) => receipt));
  }
  process.send?.({ count, atMs: Date.now() - 200 });
  await cloud.close();
  process.disconnect();
}

async function queues(cloud: Cloud, dataDir: string): Promise<Record<string, number>> {
  const queue = await cloud.queues.create(QUEUE);
  const body = 'x'.repeat(2_000);
  const batch = (size: number) => Array.from({ length: size }, (_, n) => ({ body, groupId: `job-${n % 3}` }));
  const sends = await rate(MESSAGES, () => each(MESSAGES / 10, 1, () => queue.send(batch(10))));
  const consumers = Array.from({ length: CONSUMERS }, () => fork(import.meta.filename, ['consume', dataDir]));
  await Promise.all(consumers.map((child) => once(child, 'message')));
  const start = Date.now();
  const reports = await Promise.all(
    consumers.map(async (child) => {
      child.send('go');
      const [report] = (await once(child, 'message')) as [{ count: number; atMs: number }];
      return report;
    }),
  );
  const endMs = Math.max(...reports.map(({ atMs }) => atMs));
  const one = await rate(2_000, () => each(2_000, 1, () => queue.send(batch(1))));
  return {
    'sends/s, one process, batches of 10': sends,
    'sends/s, one process, one by one': one,
    [`receive+delete/s, ${CONSUMERS} processes, batches of 10`]: Math.round(
      (MESSAGES * 1_000) / (endMs - start),
    ),
    'smallest share of a consumer, %': Math.round(
      (Math.min(...reports.map(({ count }) => count)) * 100) / MESSAGES,
    ),
  };
}

async function objects(store: Store, kilobytes: number, count: number): Promise<Record<string, number>> {
  const body = randomBytes(kilobytes * 1_000);
  const key = (n: number): string => `bench/${kilobytes}/${n}`;
  const results: Record<string, number> = {};
  for (const parallel of [1, 16]) {
    results[`puts/s of ${kilobytes} KB, ${parallel} parallel`] = await rate(count, () =>
      each(count, parallel, (n) => store.put(key(n), body)),
    );
    results[`gets/s of ${kilobytes} KB, ${parallel} parallel`] = await rate(count, () =>
      each(count, parallel, (n) => store.get(key(n))),
    );
  }
  return results;
}

async function main(): Promise<void> {
  const dataDir = await mkdtemp(join(process.argv[2] ?? tmpdir(), 'imgcls-bench-'));
  const cloud = createLocalCloud({ dataDir, cluster: 'bench' });
  try {
    console.table({
      ...(await queues(cloud, dataDir)),
      ...(await objects(cloud.output, 2, 5_000)),
      ...(await objects(cloud.output, 100, 1_000)),
    });
  } finally {
    await cloud.close();
    await rm(dataDir, { recursive: true });
  }
}

if (process.argv[2] === 'consume') await consume(process.argv[3] ?? '');
else await main();

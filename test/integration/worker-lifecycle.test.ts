import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Store } from '../../src/core/cloud/ports.ts';
import { workerStatus } from '../../src/core/fleet/fleet.ts';
import { CONTROLLER_LOCK_KEY, jobPrefix, workerStatusKey } from '../../src/core/job/keys.ts';
import { MAX_WAIT_MS } from '../../src/worker/intake/intake.ts';
import { until } from '../contract/until.ts';
import { gist, Harness, labels, override } from './worker-harness.ts';

let harness: Harness;
beforeEach(async () => {
  harness = await Harness.make();
});
afterEach(async () => {
  await harness.release();
});

describe('two workers on one queue', () => {
  it('give each image exactly one outcome', async () => {
    for (let first = 0; first < 160; first += 16) await harness.submit(labels(first, 16), first);
    const summaries = await Promise.all([harness.work(), harness.work()]);
    const done = summaries.reduce((sum, { imagesDone }) => sum + imagesDone, 0);
    expect(done).toBe(160);
    const images = (await harness.runnerLines()).filter((line) => line.startsWith('image '));
    expect(new Set(images).size).toBe(160);
    expect(images).toHaveLength(160);
  });
});

describe('a worker that gets a signal', () => {
  it('finishes what is in a runner and releases the rest at once', async () => {
    const gate = path.join(harness.folder, 'gate');
    // They fill both of the requests that a runner has at a time.
    await harness.submit(Array(16).fill(`wait:${gate}`));
    const worker = harness.start();
    await harness.untilRunnersSaw(`wait:${gate}`);
    await harness.submit(labels(16, 8), 16);
    await harness.submit(labels(24, 8), 24);
    await until('the messages are received', async () =>
      (await harness.requests.depth()).waiting === 0 ? true : undefined,
    );
    worker.drain.abort();
    expect((await harness.receivable()) + (await harness.receivable())).toBe(2);
    expect(existsSync(gate)).toBe(false);
    await writeFile(gate, '');
    expect(await worker.summary).toEqual({ reason: 'drained', imagesDone: 16, batchesDone: 1 });
    expect(gist(await harness.shard({ first: 0, last: 15 }))).toHaveLength(16);
  });

  it('ends before its poll does while it waits for messages', async () => {
    const worker = harness.start();
    await until('the worker is ready', async () => {
      const found = await harness.cloud.output.head(workerStatusKey('w-0'));
      return found && true;
    });
    const beforeMs = performance.now();
    worker.drain.abort();
    expect(await worker.summary).toMatchObject({ reason: 'drained' });
    expect(performance.now() - beforeMs).toBeLessThan(MAX_WAIT_MS);
  });

  it('kills its runners at the second signal', async () => {
    await harness.submit(['hang']);
    const worker = harness.start();
    await harness.untilRunnersSaw('hang');
    worker.drain.abort();
    worker.force.abort();
    expect(await worker.summary).toMatchObject({ reason: 'forced', imagesDone: 0 });
    expect(await harness.livingRunners()).toEqual([]);
  });

  it('leaves no runner and no status behind', async () => {
    await harness.submit(labels(0, 16));
    await harness.work({ runners: 2 });
    expect(await harness.livingRunners()).toEqual([]);
    expect(await harness.cloud.output.head(workerStatusKey('w-0'))).toBeUndefined();
  });
});

describe('a worker without work', () => {
  it('ends when the queue is empty, if it runs once', async () => {
    await harness.submit(['label:0']);
    const { summary } = harness.start({ once: true });
    expect(await summary).toEqual({ reason: 'queue_empty', imagesDone: 1, batchesDone: 1 });
  });

  it('ends after its maximum idle time', async () => {
    expect(await harness.start({ idleExitMs: 200 }).summary).toMatchObject({ reason: 'idle' });
  });

  it('ends once no controller renews its lock', async () => {
    const lock = (renewals: number) => Buffer.from(JSON.stringify({ v: 1, holder: 'c', epoch: 1, renewals }));
    const { output } = harness.cloud;
    let reads = 0;
    const head: Store['head'] = async (key, signal) => {
      if (key === CONTROLLER_LOCK_KEY && ++reads <= 30) await output.put(key, lock(reads));
      return await output.head(key, signal);
    };
    const cloud = { ...harness.cloud, output: override(output, { head }) };
    // The worker reads the lock ten times in this time.
    const worker = harness.start({ cloud, exitWithoutControllerMs: 300 });
    expect(await worker.summary).toMatchObject({ reason: 'no_controller' });
    expect(reads).toBeGreaterThan(30);
  });

  it('ends when there never was a controller', async () => {
    const worker = harness.start({ exitWithoutControllerMs: 200 });
    expect(await worker.summary).toMatchObject({ reason: 'no_controller' });
  });
});

describe('a worker that cannot work', () => {
  it('ends with the output of its runners when they never start, and keeps its message in the queue', async () => {
    await harness.submit(['label:0']);
    const worker = harness.start({ mode: 'never-ready', random: () => 0 });
    await expect(worker.summary).rejects.toThrow('no such instruction');
    expect(await harness.requestsLeft()).toBe(1);
  });

  it('blames no image when its runners end whatever image they get', async () => {
    await harness.submit(['label:0', 'label:1']);
    const worker = harness.start({ mode: 'dies-of-everything' });
    await expect(worker.summary).rejects.toThrow('whatever image they get');
    expect(await harness.requestsLeft()).toBe(1);
    for await (const { key } of harness.cloud.output.list(jobPrefix(harness.job))) {
      expect(key).not.toContain('/results/');
    }
  });

  it('ends with an error when there is no request queue', async () => {
    await harness.cloud.queues.remove(harness.requests.name);
    await expect(harness.start().summary).rejects.toThrow(/Queue \S+ does not exist/);
  });
});

describe('the worker status', () => {
  it('shows the state of a busy worker', async () => {
    const gate = path.join(harness.folder, 'gate');
    await harness.submit([`wait:${gate}`]);
    const worker = harness.start({ once: true });
    const status = await until('the worker is busy', async () => {
      const found = await harness.cloud.output.get(workerStatusKey('w-0')).catch(() => undefined);
      if (found === undefined) return undefined;
      const read = workerStatus.parse(JSON.parse(new TextDecoder().decode(found.body)));
      return read.state === 'busy' ? read : undefined;
    });
    expect(status).toMatchObject({ id: 'w-0', host: 'here', runners: 1, imagesDone: 0 });
    expect(status.rssBytes).toBeGreaterThan(10_000_000);
    expect(status.peakRssBytes).toBeGreaterThanOrEqual(status.rssBytes);
    expect(status.boot.readyMs).toBeGreaterThan(0);
    await writeFile(gate, '');
    await worker.summary;
  });
});

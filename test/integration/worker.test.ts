import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ImgclsError } from '../../src/core/errors.ts';
import { workerStatus } from '../../src/core/fleet.ts';
import { cancelJob } from '../../src/core/job-record.ts';
import { CONTROLLER_LOCK_KEY, jobPrefix, workerStatusKey } from '../../src/core/keys.ts';
import { until } from '../contract/until.ts';
import { gist, Harness } from './worker-harness.ts';

/** So long a stub's answer may take in tests of hanging images; its start takes longer. */
const HASTY = { imageMs: 300, modelMs: 300 };

const labels = (first: number, count: number) =>
  Array.from({ length: count }, (_, i) => `label:${first + i}`);

let harness: Harness;
beforeEach(async () => {
  harness = await Harness.make();
});
afterEach(async () => {
  await harness.release();
});

describe('a batch', () => {
  it('gives every image one outcome, in the ledger and in the response, and its message is deleted', async () => {
    await harness.submit(labels(0, 16));
    const summary = await harness.work();
    expect(summary).toEqual({ reason: 'queue_empty', imagesDone: 16, batchesDone: 1 });
    const outcomes = await harness.shard({ first: 0, last: 15 });
    expect(gist(outcomes)).toEqual(Array.from({ length: 16 }, (_, i) => String(i)));
    expect(outcomes[3]).toMatchObject({ v: 1, index: 3, name: '3.jpg', model: 'stub/fp32' });
    expect(await harness.responses()).toEqual([
      { v: 1, job: harness.job, attempt: 1, first: 0, last: 15, worker: 'w-0', outcomes },
    ]);
    expect(await harness.requestsLeft()).toBe(0);
  });

  it('gives each bad image its error, and the others their predictions', async () => {
    const [good, bad, large, gone, other, kept] = await harness.store([
      'label:good',
      'bad',
      'x'.repeat(1001),
      'label:gone',
      'label:other',
      'label:kept',
    ]);
    if (!good || !bad || !large || !gone || !other || !kept || 'error' in gone) throw new Error('not stored');
    await harness.cloud.input.delete([gone.key]);
    await harness.announce([
      good,
      bad,
      large,
      gone,
      { ...other, sha256: 'cd'.repeat(32) },
      { ...kept, etag: 'another' },
      { index: 6, name: '6.jpg', error: { code: 'unreadable', message: 'No permission.' } },
    ]);
    await harness.work();
    expect(gist(await harness.shard({ first: 0, last: 6 }))).toEqual([
      'good',
      'not_an_image',
      'too_large',
      'missing',
      'changed',
      'changed',
      'unreadable',
    ]);
  });

  it('whose image kills its runner gives that image worker_crash and its neighbours predictions', async () => {
    await harness.submit([...labels(0, 5), 'crash', ...labels(6, 10)]);
    await harness.work({ runners: 2 });
    const expected = Array.from({ length: 16 }, (_, i) => (i === 5 ? 'worker_crash' : String(i)));
    expect(gist(await harness.shard({ first: 0, last: 15 }))).toEqual(expected);
  });

  it('of one image that kills is answered too, after a known image has shown that the runners work', async () => {
    await harness.submit(['crash']);
    await harness.work();
    expect(gist(await harness.shard({ first: 0, last: 0 }))).toEqual(['worker_crash']);
    expect(await harness.runnerLines()).toContain('image control');
  });

  it('whose image hangs gives that image deadline and its neighbours predictions', async () => {
    await harness.submit(['label:0', 'hang', 'label:2']);
    await harness.work({ runnerLimits: HASTY });
    expect(gist(await harness.shard({ first: 0, last: 2 }))).toEqual(['0', 'deadline', '2']);
  });

  it('gets model_unavailable for its images when the model is nowhere, or of no use', async () => {
    await harness.submit(['label:0', 'broken model']);
    const missing = new ImgclsError('permanent', 'There is no such model.');
    await harness.work({ models: { ensure: () => Promise.reject(missing) } });
    const nowhere = Array(2).fill({ error: { code: 'model_unavailable', message: missing.message } });
    expect(await harness.shard({ first: 0, last: 1 })).toMatchObject(nowhere);

    await harness.submit(['broken model'], 2);
    await harness.work();
    expect(gist(await harness.shard({ first: 2, last: 2 }))).toEqual(['model_unavailable']);
  });

  it('is tried again when its model cannot be fetched for now', async () => {
    await harness.submit(['label:0']);
    let asked = 0;
    const ensure = async () => {
      if (++asked <= 2) throw new ImgclsError('transient', 'The network is down.');
      return harness.folder;
    };
    await harness.work({ models: { ensure }, random: () => 0 });
    expect(gist(await harness.shard({ first: 0, last: 0 }))).toEqual(['0']);
  });

  it('whose waiter is gone counts as answered', async () => {
    await harness.cloud.queues.remove(harness.replyTo);
    await harness.submit(['label:0']);
    await harness.work();
    expect(gist(await harness.shard({ first: 0, last: 0 }))).toEqual(['0']);
    expect(await harness.requestsLeft()).toBe(0);
  });

  it('that is delivered again once it is done is answered from the ledger, without classifying', async () => {
    await harness.submit(['label:0']);
    await harness.work();
    await harness.responses();
    await harness.submit(['label:0']);
    const [again] = await harness.requests.receive({ max: 1, waitMs: 0, leaseMs: 60_000 });
    await harness.requests.extend([again?.receipt ?? ''], 0);
    const summary = await harness.work();
    expect(summary).toMatchObject({ imagesDone: 0, batchesDone: 1 });
    expect((await harness.responses()).map(({ outcomes }) => gist(outcomes))).toEqual([['0']]);
    expect((await harness.runnerLines()).filter((line) => line === 'image label:0')).toHaveLength(1);
  });

  it('of a cancelled job is deleted and not worked', async () => {
    await cancelJob(harness.cloud.output, harness.job);
    await harness.submit(['label:0']);
    expect(await harness.work()).toMatchObject({ imagesDone: 0, batchesDone: 0 });
    expect(await harness.requestsLeft()).toBe(0);
    expect(await harness.runnerLines()).toEqual([]);
  });

  it('received three times runs alone', async () => {
    const gate = path.join(harness.folder, 'gate');
    await harness.submit([`wait:${gate}`]);
    const [message] = await harness.requests.receive({ max: 1, waitMs: 0, leaseMs: 60_000 });
    await harness.requests.extend([message?.receipt ?? ''], 0);
    const [again] = await harness.requests.receive({ max: 1, waitMs: 0, leaseMs: 60_000 });
    await harness.requests.extend([again?.receipt ?? ''], 0);
    const worker = harness.start({ once: true, runners: 2 });
    await harness.untilRunnersSaw(`wait:${gate}`);
    await harness.submit(['label:1'], 1);
    await until('the second message is received', async () =>
      (await harness.requests.depth()).waiting === 0 ? true : undefined,
    );
    await writeFile(gate, '');
    await worker.summary;
    const images = (await harness.runnerLines()).filter((line) => line.startsWith('image '));
    expect(images).toEqual([`image wait:${gate}`, 'image label:1']);
  });
});

describe('a message that is none of ours', () => {
  it.each([
    ['text', 'hello'],
    ['a wrong shape', '{"v":1,"job":7}'],
  ])('goes to the dead letters: %s', async (_, body) => {
    await harness.requests.send([{ body }]);
    await harness.submit(['label:0']);
    expect(await harness.work()).toMatchObject({ reason: 'queue_empty', imagesDone: 1 });
    const letters = await harness.deadLetters.receive({ max: 10, waitMs: 0, leaseMs: 1000 });
    expect(letters.map((letter) => letter.body)).toEqual([body]);
    expect(await harness.requestsLeft()).toBe(0);
  });

  it('but of a newer imgcls is given back, and the worker ends as outdated', async () => {
    await harness.requests.send([{ body: '{"v":2}' }]);
    const summary = await harness.start().summary;
    expect(summary.reason).toBe('outdated');
    expect(await harness.receivable()).toBe(1);
  });
});

describe('two workers on one queue', () => {
  it('leave no image without an outcome and none with two', async () => {
    for (let first = 0; first < 160; first += 16) await harness.submit(labels(first, 16), first);
    const summaries = await Promise.all([harness.work(), harness.work()]);
    const done = summaries.reduce((sum, { imagesDone }) => sum + imagesDone, 0);
    expect(done).toBe(160);
    const images = (await harness.runnerLines()).filter((line) => line.startsWith('image '));
    expect(new Set(images).size).toBe(160);
    expect(images).toHaveLength(160);
  });
});

describe('a worker that is told to end', () => {
  it('finishes what is in a runner and gives the rest back at once', async () => {
    const gate = path.join(harness.folder, 'gate');
    await harness.submit([`wait:${gate}`, ...labels(1, 15)]);
    const worker = harness.start();
    await harness.untilRunnersSaw(`wait:${gate}`);
    await harness.submit(labels(16, 16), 16);
    await harness.submit(labels(32, 16), 32);
    await until('they are received', async () =>
      (await harness.requests.depth()).waiting === 0 ? true : undefined,
    );
    worker.drain.abort();
    expect((await harness.receivable()) + (await harness.receivable())).toBe(2);
    expect(existsSync(gate)).toBe(false);
    await writeFile(gate, '');
    expect(await worker.summary).toEqual({ reason: 'drained', imagesDone: 16, batchesDone: 1 });
    expect(gist(await harness.shard({ first: 0, last: 15 }))).toHaveLength(16);
  });

  it('ends at once while it waits for messages', async () => {
    const worker = harness.start();
    await until('it is ready', async () => {
      const found = await harness.cloud.output.head(workerStatusKey('w-0'));
      return found && true;
    });
    const beforeMs = performance.now();
    worker.drain.abort();
    expect(await worker.summary).toMatchObject({ reason: 'drained' });
    expect(performance.now() - beforeMs).toBeLessThan(2000);
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
  it('ends after the time it was given for that', async () => {
    expect(await harness.start({ idleExitMs: 200 }).summary).toMatchObject({ reason: 'idle' });
  });

  it('ends once no controller renews its lock', async () => {
    const lock = (renewals: number) => Buffer.from(JSON.stringify({ v: 1, holder: 'c', epoch: 1, renewals }));
    await harness.cloud.output.put(CONTROLLER_LOCK_KEY, lock(0));
    const worker = harness.start({ exitWithoutControllerMs: 600 });
    let ended = false;
    void worker.summary.then(() => {
      ended = true;
    });
    const untilMs = performance.now() + 1500;
    for (let renewals = 1; performance.now() < untilMs; renewals++) {
      await harness.cloud.output.put(CONTROLLER_LOCK_KEY, lock(renewals));
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(ended).toBe(false);
    expect(await worker.summary).toMatchObject({ reason: 'no_controller' });
  });

  it('ends when there never was a controller', async () => {
    const worker = harness.start({ exitWithoutControllerMs: 200 });
    expect(await worker.summary).toMatchObject({ reason: 'no_controller' });
  });
});

describe('a worker that cannot work', () => {
  it('ends with what its runners said last when they never start, and its message stays', async () => {
    await harness.submit(['label:0']);
    const worker = harness.start({ mode: 'never-ready', random: () => 0 });
    await expect(worker.summary).rejects.toThrow('no such instruction');
    expect(await harness.requestsLeft()).toBe(1);
  });

  it('blames no image when its runners end whatever they are given', async () => {
    await harness.submit(['label:0', 'label:1']);
    const worker = harness.start({ mode: 'dies-of-everything' });
    await expect(worker.summary).rejects.toThrow('whatever they are given');
    expect(await harness.requestsLeft()).toBe(1);
    for await (const { key } of harness.cloud.output.list(jobPrefix(harness.job))) {
      expect(key).not.toContain('/results/');
    }
  });

  it('ends with an error when there is no request queue', async () => {
    await harness.cloud.queues.remove(harness.requests.name);
    await expect(harness.start().summary).rejects.toThrow('There is no queue');
  });
});

describe('the worker status', () => {
  it('tells what the worker is at, while it is at it', async () => {
    const gate = path.join(harness.folder, 'gate');
    await harness.submit([`wait:${gate}`]);
    const worker = harness.start({ once: true });
    const status = await until('it is busy with a runner', async () => {
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

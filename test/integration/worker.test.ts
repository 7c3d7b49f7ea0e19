import { truncate, unlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Store } from '../../src/core/cloud/ports.ts';
import { cancelJob } from '../../src/core/job/job-record.ts';
import { shardKey, workerStatusKey } from '../../src/core/job/keys.ts';
import { REQUEST_FORMAT } from '../../src/core/job/messages.ts';
import type { ModelRef } from '../../src/core/model/model.ts';
import { ImgclsError, ModelMissingError } from '../../src/core/runtime/errors.ts';
import { until } from '../contract/until.ts';
import { acceleratedClock, gist, Harness, labels, override } from './worker-harness.ts';

/** Of a later imgcls. */
const NEWER = JSON.stringify({ v: REQUEST_FORMAT + 1 });

/** Time limits of stubs in tests of images that hang. The start of a stub takes longer. */
const SHORT_LIMITS = { imageMs: 300, modelMs: 300 };

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
    expect(summary).toEqual({ reason: 'idle', imagesDone: 16, batchesDone: 1 });
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

  it('of large images is read from the store by the runners; an image whose file has changed is downloaded', async () => {
    const texts = ['stays', 'goes', 'changes'].map((word) => `label:${word.repeat(10_000)}`);
    const [stays, goes, changes] = await harness.store(texts);
    if (!stays || !goes || !changes || 'error' in goes || 'error' in changes) throw new Error('not stored');
    const { input } = harness.cloud;
    const elsewhere = path.join(harness.folder, 'elsewhere');
    await writeFile(elsewhere, 'label:other');
    const asked: string[] = [];
    const fileOf: Store['fileOf'] = async (key, options) => {
      asked.push(key);
      const found = await input.fileOf?.(key, options);
      if (found === undefined || key === ('key' in stays && stays.key)) return found;
      return { ...found, path: key === goes.key ? `${elsewhere}-gone` : elsewhere };
    };
    const stale = override(input, { fileOf });
    await harness.announce([stays, goes, changes]);
    const cloud = { ...harness.cloud, input: stale, bucket: () => stale };
    await harness.work({ cloud, maxImageBytes: 200_000 });
    expect(gist(await harness.shard({ first: 0, last: 2 }))).toEqual(texts.map((text) => text.slice(6)));
    expect(asked).toHaveLength(3);
  });

  it('whose image kills its runner gives that image worker_crash and its neighbours predictions', async () => {
    await harness.submit([...labels(0, 5), 'crash', ...labels(6, 10)]);
    await harness.work({ runners: 2 });
    const expected = Array.from({ length: 16 }, (_, i) => (i === 5 ? 'worker_crash' : String(i)));
    expect(gist(await harness.shard({ first: 0, last: 15 }))).toEqual(expected);
  });

  it('of one image that kills its runner gets worker_crash once a control image has shown that the runners work', async () => {
    await harness.submit(['crash']);
    await harness.work();
    expect(gist(await harness.shard({ first: 0, last: 0 }))).toEqual(['worker_crash']);
    expect(await harness.runnerLines()).toContain('image control');
  });

  it('whose image hangs gives that image deadline and its neighbours predictions', async () => {
    await harness.submit(['label:0', 'hang', 'label:2']);
    await harness.work({ runnerLimits: SHORT_LIMITS });
    expect(gist(await harness.shard({ first: 0, last: 2 }))).toEqual(['0', 'deadline', '2']);
  });

  it('whose image hangs does not wait for the time in which a model may load: it is loaded', async () => {
    await harness.submit(['hang']);
    await harness.work({ runnerLimits: { imageMs: 300, modelMs: 3_600_000 } });
    expect(gist(await harness.shard({ first: 0, last: 0 }))).toEqual(['deadline']);
  });

  it('that hangs times out although its runner still classifies others', async () => {
    await harness.submit(['hang']);
    const worker = harness.start({ runnerLimits: SHORT_LIMITS });
    await harness.untilRunnersSaw('hang');
    let next = 1;
    await until('the hanging image has an outcome', async () => {
      await harness.submit([`label:${next}`], next++);
      return await harness.shard({ first: 0, last: 0 }).catch(() => undefined);
    });
    worker.drain.abort();
    await worker.summary;
    expect(gist(await harness.shard({ first: 0, last: 0 }))).toEqual(['deadline']);
    expect(next).toBeGreaterThan(3);
  });

  it('of an image whose stored file was deleted or cut off gives that image its error; the worker goes on', async () => {
    const large = (label: string) => label.padEnd(40_000);
    const images = await harness.store([large('label:gone'), large('label:cut'), large('label:whole')]);
    const fileOf = async (index: number) => {
      const image = images[index];
      if (image === undefined || 'error' in image) throw new Error('not stored');
      return (await harness.cloud.input.fileOf?.(image.key))?.path ?? '';
    };
    await unlink(await fileOf(0));
    await truncate(await fileOf(1), 100);
    await harness.announce(images);
    await harness.submit(['label:other'], 3);
    expect(await harness.work({ maxImageBytes: 100_000 })).toMatchObject({ reason: 'idle', imagesDone: 4 });
    expect(gist(await harness.shard({ first: 0, last: 2 }))).toEqual([
      'missing',
      'changed',
      'whole'.padEnd(40_000 - 'label:'.length),
    ]);
    expect(gist(await harness.shard({ first: 3, last: 3 }))).toEqual(['other']);
  });

  it('gets model_unavailable for its images when the cluster does not have the model', async () => {
    await harness.submit(['label:0', 'label:1']);
    const missing = new ModelMissingError('There is no such model.');
    await harness.work({ models: { ensure: () => Promise.reject(missing) } });
    const nowhere = Array(2).fill({ error: { code: 'model_unavailable', message: missing.message } });
    expect(await harness.shard({ first: 0, last: 1 })).toMatchObject(nowhere);
  });

  it('is retried when fetching its model fails with a transient error', async () => {
    await harness.submit(['label:0']);
    let asked = 0;
    const ensure = async ({ sha256 }: ModelRef) => {
      if (++asked <= 2) throw new ImgclsError('transient', 'The network is down.');
      return { dir: harness.folder, sha256 };
    };
    await harness.work({ models: { ensure }, random: () => 0 });
    expect(gist(await harness.shard({ first: 0, last: 0 }))).toEqual(['0']);
  });

  it('whose waiter is gone is acknowledged', async () => {
    await harness.cloud.queues.remove(harness.replyTo);
    await harness.submit(['label:0']);
    await harness.work();
    expect(gist(await harness.shard({ first: 0, last: 0 }))).toEqual(['0']);
    expect(await harness.requestsLeft()).toBe(0);
  });

  it('that names another queue for its response gets none', async () => {
    await harness.announce(await harness.store(['label:0']), { replyTo: harness.deadLetters.name });
    await harness.work();
    expect(gist(await harness.shard({ first: 0, last: 0 }))).toEqual(['0']);
    expect(await harness.requestsLeft()).toBe(0);
    expect(await harness.deadLetters.depth()).toMatchObject({ waiting: 0 });
  });

  it('that is redelivered once it is done is answered from the ledger, without classifying', async () => {
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

  it('is answered with the shard that another worker wrote first', async () => {
    const theirs = { v: 1, index: 0, name: '0.jpg', labels: [{ wnid: 'n', label: 'theirs', score: 1 }] };
    const line = JSON.stringify({ ...theirs, ms: 1, model: 'stub/fp32' });
    const key = shardKey(harness.job, { attempt: 1, first: 0, last: 0 });
    await harness.cloud.output.put(key, Buffer.from(`${line}\n`));
    await harness.submit(['label:ours']);
    expect(await harness.work()).toMatchObject({ imagesDone: 0, batchesDone: 1 });
    expect((await harness.responses()).map(({ outcomes }) => gist(outcomes))).toEqual([['theirs']]);
  });

  it('stays in the queue while the ledger cannot be written, and is done once it can', async () => {
    const { output } = harness.cloud;
    let failures = 0;
    const put: Store['put'] = async (key, body, options) => {
      if (key.includes('/results/') && failures++ < 6)
        throw new ImgclsError('transient', 'The store is down.');
      return await output.put(key, body, options);
    };
    const failing = override(output, { put });
    await harness.submit(['label:0']);
    await harness.work({ cloud: { ...harness.cloud, output: failing }, random: () => 0 });
    expect(failures).toBeGreaterThan(6);
    expect(gist(await harness.shard({ first: 0, last: 0 }))).toEqual(['0']);
    expect(await harness.requestsLeft()).toBe(0);
  });

  it('of a cancelled job is deleted without work', async () => {
    await cancelJob(harness.cloud.output, harness.job);
    await harness.submit(['label:0']);
    expect(await harness.work()).toMatchObject({ imagesDone: 0, batchesDone: 0 });
    expect(await harness.requestsLeft()).toBe(0);
    const seenByRunners = (await harness.runnerLines()).filter((line) => !line.startsWith('start'));
    expect(seenByRunners).toEqual([]);
  });
});

describe('a poison message', () => {
  it.each([
    ['text', 'hello'],
    ['a wrong shape', '{"v":1,"job":7}'],
  ])('goes to the dead-letter queue: %s', async (_, body) => {
    await harness.requests.send([{ body }]);
    await harness.submit(['label:0']);
    expect(await harness.work()).toMatchObject({ imagesDone: 1 });
    const deadLetters = await harness.deadLetters.receive({ max: 10, waitMs: 0, leaseMs: 1000 });
    expect(deadLetters.map((message) => message.body)).toEqual([body]);
    expect(await harness.requestsLeft()).toBe(0);
  });
});

describe('a message of a newer imgcls', () => {
  const submitNewer = () => harness.requests.send([{ body: NEWER }]);
  /** Half a minute passes in 0.3 s, and runners get as much time as ever. */
  const fast = () => ({
    clock: acceleratedClock(100),
    runnerLimits: { startMs: 6_000_000, modelMs: 6_000_000, imageMs: 6_000_000 },
  });

  it('is hidden for minutes, and its worker ends as outdated half a minute later', async () => {
    await submitNewer();
    const summary = await harness.start(fast()).summary;
    expect(summary.reason).toBe('outdated');
    expect(await harness.requests.depth()).toMatchObject({ waiting: 0, inFlight: 1 });
    const { body } = await harness.cloud.output.get(workerStatusKey('w-0'));
    expect(JSON.parse(new TextDecoder().decode(body))).toMatchObject({ state: 'outdated', newerMessages: 1 });
  });

  it('costs the others nothing: each is classified at its first delivery', async () => {
    await submitNewer();
    for (let first = 0; first < 128; first += 16) await harness.submit(labels(first, 16), first);
    expect(await harness.work()).toMatchObject({ reason: 'idle', imagesDone: 128 });
    const images = (await harness.runnerLines()).filter((line) => line.startsWith('image '));
    expect(images).toHaveLength(128);
  });

  it('does not keep its worker from finishing what it holds', async () => {
    const gate = path.join(harness.folder, 'gate');
    await harness.submit([`wait:${gate}`]);
    const worker = harness.start(fast());
    await harness.untilRunnersSaw(`wait:${gate}`);
    await harness.submit(labels(1, 16), 1);
    await submitNewer();
    await until('the worker stops', async () => {
      const { body } = await harness.cloud.output.get(workerStatusKey('w-0'));
      return JSON.parse(new TextDecoder().decode(body)).state === 'outdated';
    });
    await writeFile(gate, '');
    expect(await worker.summary).toEqual({ reason: 'outdated', imagesDone: 17, batchesDone: 2 });
  });
});

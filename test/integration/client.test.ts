import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ulid } from 'ulid';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/app/system-clock.ts';
import { type Client, createJobClient } from '../../src/client/client.ts';
import type { Cloud, Queue, QueueService } from '../../src/core/cloud/ports.ts';
import { sealJob } from '../../src/core/job/job-record.ts';
import {
  deadLetterQueueName,
  imageKey,
  interactiveQueueName,
  JOBS_PREFIX,
  requestQueueName,
} from '../../src/core/job/keys.ts';
import { modelManifest, refOf } from '../../src/core/model/model.ts';
import { isError, type Outcome } from '../../src/core/model/outcome.ts';
import { createLocalCloud } from '../../src/local/cloud.ts';
import type { Input } from '../../src/upload/inputs.ts';
import { runWorker, type WorkerSummary } from '../../src/worker/worker.ts';
import { until } from '../contract/until.ts';

const repository = path.resolve(import.meta.dirname, '../..');
const starter = path.join(repository, 'models', 'efficientnet-lite0');
const silent = { debug() {}, info() {}, warn() {}, error() {} };

describe('a client, on the embedded cloud with a real worker and the starter model', () => {
  let folder: string;
  let cloud: Cloud;
  let drain: AbortController;
  let working: Promise<WorkerSummary>;
  let cat: Uint8Array;
  const model = async () =>
    refOf(modelManifest.parse(JSON.parse(await readFile(path.join(starter, 'model.json'), 'utf8'))));

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'imgcls-client-'));
    cloud = createLocalCloud({ dataDir: folder, cluster: 'test' });
    await cloud.queues.create(deadLetterQueueName('test'));
    await cloud.queues.create(requestQueueName('test'), {
      deadLetter: { queue: deadLetterQueueName('test'), maxReceiveCount: 20 },
    });
    await cloud.queues.create(interactiveQueueName('test'), { retentionMs: 60_000 });
    cat = await readFile(path.join(repository, 'samples', 'cat.jpg'));
    drain = new AbortController();
    working = runWorker({
      cloud,
      workerId: 'w-test',
      host: 'test',
      version: '0',
      runners: 1,
      runnerEntry: new URL('../../src/model/runner-main.ts', import.meta.url),
      runnerArgs: [JSON.stringify({ maxPixels: 1e8, decodeTimeoutMs: 10_000 })],
      topK: 5,
      models: { ensure: async ({ sha256 }) => ({ dir: starter, sha256 }) },
      clock: systemClock,
      log: silent,
      maxImageBytes: 1e8,
      leaseMs: 60_000,
      drain: drain.signal,
      force: new AbortController().signal,
    });
  });
  afterEach(async () => {
    drain.abort();
    await working;
    await cloud.close();
    await rm(folder, { recursive: true });
  });

  const client = (over: Cloud = cloud): Client =>
    createJobClient({
      cloud: over,
      clock: systemClock,
      random: Math.random,
      newId: ulid,
      readBucket: (name) => over.bucket(name),
      joinController: () => ({ failed: new AbortController().signal, leave: async () => {} }),
      concurrency: 4,
      maxImageBytes: 1e8,
    });
  /** Different bytes each, which a decoder takes for the same picture: what follows the end of a JPEG is no part of it. */
  async function* cats(count: number): AsyncGenerator<Input> {
    for (let index = 0; index < count; index++) {
      const name = `cat-${index}.jpg`;
      yield { kind: 'bytes', name, source: name, bytes: Buffer.concat([cat, Buffer.from(`${index}`)]) };
    }
  }
  async function all(outcomes: AsyncIterable<Outcome>): Promise<Outcome[]> {
    const found: Outcome[] = [];
    for await (const outcome of outcomes) found.push(outcome);
    return found;
  }
  const queuesOf = async (prefix: string) => {
    const names: string[] = [];
    for await (const { name } of cloud.queues.list(prefix)) names.push(name);
    return names;
  };

  it('yields every outcome once and in input order, then the job is finished', async () => {
    const job = await client().submit(cats(70), { model: await model(), topK: 3, wait: true });
    const outcomes = await all(job.outcomes());
    expect(outcomes.map(({ index }) => index)).toEqual(Array.from({ length: 70 }, (_, index) => index));
    expect(outcomes.every((outcome) => !isError(outcome) && outcome.labels.length === 3)).toBe(true);
    expect(await job.record()).toMatchObject({ state: 'finished', total: 70 });
    expect(await all(job.results())).toEqual(outcomes);
    expect(await queuesOf('imgcls-test-resp-'), 'its response queue is gone').toEqual([]);
  });

  it('records the deadline and the limit of cost of a job', async () => {
    const by = new Date(Date.now() + 3_600_000);
    const job = await client().submit(cats(1), {
      model: await model(),
      topK: 1,
      wait: false,
      by,
      maxCostUsd: 0.5,
    });
    expect(await job.submitted).toMatchObject({ deadlineMs: by.getTime(), maxCostUsd: 0.5 });
  });

  it.each([
    ['a deadline that has passed', { by: new Date(0) }],
    ['a deadline that is no date', { by: new Date('soon') }],
    ['a limit of cost that is no amount', { maxCostUsd: Number.POSITIVE_INFINITY }],
    ['a negative limit of cost', { maxCostUsd: -1 }],
  ])('refuses %s, and stores no job', async (_, limits) => {
    const submitted = client().submit(cats(1), { model: await model(), topK: 1, wait: false, ...limits });
    await expect(submitted).rejects.toMatchObject({ kind: 'usage' });
    expect(await Array.fromAsync(cloud.output.list(JOBS_PREFIX))).toEqual([]);
  });

  describe('with images of the web', () => {
    let server: Server;
    let host: string;
    let isThere: boolean;
    beforeEach(async () => {
      isThere = false;
      server = createServer(({ url }, response) => {
        if (url === '/cat.jpg' || isThere) response.end(cat);
        else response.writeHead(404).end();
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    });
    afterEach(() => server.close());

    async function submit(allowUrls?: readonly string[]) {
      const inputs = [`http://${host}/cat.jpg`, `http://${host}/late.jpg`];
      const options = { model: await model(), topK: 1, wait: true, ...(allowUrls && { allowUrls }) };
      const job = await client().submit(inputs, options);
      return { job, outcomes: await all(job.outcomes()) };
    }
    async function retry(id: string): Promise<Outcome[]> {
      const job = await client().retry(id, { wait: true });
      return job === undefined ? [] : await all(job.outcomes());
    }

    it('labels them by their addresses, and fetches those again that failed', async () => {
      const { job, outcomes } = await submit();
      expect(outcomes).toMatchObject([
        { name: `http://${host}/cat.jpg`, labels: [{ label: expect.stringContaining('cat') }] },
        { name: `http://${host}/late.jpg`, error: { code: 'missing' } },
      ]);
      isThere = true;
      expect(await retry(job.id)).toMatchObject([
        { name: `http://${host}/late.jpg`, labels: [{ label: expect.stringContaining('cat') }] },
      ]);
    });

    it('keeps to the hosts that a job may ask, also when another program retries it', async () => {
      isThere = true;
      const refused = {
        error: { code: 'unreadable', message: expect.stringContaining('may not fetch from') },
      };
      const { job, outcomes } = await submit(['public']);
      expect(outcomes).toMatchObject([refused, refused]);
      expect(await retry(job.id)).toMatchObject([refused, refused]);
    });
  });

  it('stores the same image once, however often it is submitted', async () => {
    const twice = async function* () {
      yield* cats(3);
      yield* cats(3);
    };
    const job = await client().submit(twice(), { model: await model(), topK: 1, wait: true });
    expect(await all(job.outcomes())).toHaveLength(6);
    const keys: string[] = [];
    for await (const { key } of cloud.input.list(imageKey('').slice(0, 7))) keys.push(key);
    expect(keys).toHaveLength(3);
  });

  it('finds the outcomes in the ledger when no response ever arrives', async () => {
    const losing: QueueService = {
      ...bound(cloud.queues),
      create: async (name, settings) => deaf(await cloud.queues.create(name, settings)),
    };
    const job = await client({ ...cloud, queues: losing }).submit(cats(5), {
      model: await model(),
      topK: 1,
      wait: true,
    });
    expect(await all(job.outcomes())).toHaveLength(5);
  });

  it('keeps the index of an image that could not be read', async () => {
    const mixed = async function* (): AsyncGenerator<Input> {
      yield* cats(1);
      yield { kind: 'file', name: 'gone.jpg', source: 'gone.jpg', path: path.join(folder, 'gone.jpg') };
      yield* cats(1);
    };
    const job = await client().submit(mixed(), { model: await model(), topK: 1, wait: true });
    const outcomes = await all(job.outcomes());
    expect(outcomes.map((outcome) => (isError(outcome) ? outcome.error.code : 'ok'))).toEqual([
      'ok',
      'missing',
      'ok',
    ]);
  });

  it('ends the wait when the job is cancelled, also by another process', async () => {
    drain.abort();
    await working;
    const job = await client().submit(cats(20), { model: await model(), topK: 1, wait: false });
    await job.submitted;
    const waiting = all((await client().job(job.id)).outcomes());
    await client()
      .job(job.id)
      .then((same) => same.cancel());
    expect(await waiting).toEqual([]);
    expect(await job.record()).toMatchObject({ state: 'cancelled' });
  });

  it('ends the wait with the reason of its signal, and the job continues', async () => {
    drain.abort();
    await working;
    const stop = new AbortController();
    const job = await client().submit(cats(20), { model: await model(), topK: 1, wait: true });
    const waiting = all(job.outcomes({ signal: stop.signal }));
    await job.submitted;
    stop.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    expect(await job.record()).toMatchObject({ state: 'sealed' });
  });

  it('finishes a job once every image has an outcome, also without a waiter', async () => {
    const job = await client().submit(cats(5), { model: await model(), topK: 1, wait: false });
    await job.submitted;
    await until('all outcomes', async () => ((await all(job.results())).length === 5 ? true : undefined));
    expect(await job.record()).toMatchObject({ state: 'sealed' });
    expect(await job.settled()).toMatchObject({ state: 'finished', total: 5 });
    expect(await job.record()).toMatchObject({ state: 'finished', total: 5 });
    drain.abort();
    await working;
    const undone = await client().submit(cats(5), { model: await model(), topK: 1, wait: false });
    await undone.submitted;
    expect(await undone.settled()).toMatchObject({ state: 'sealed' });
  });

  it('rejects the submission when another process has sealed the job with other images', async () => {
    const sealedByOther = Promise.withResolvers<void>();
    const late = async function* () {
      yield* cats(1);
      await sealedByOther.promise;
      yield* cats(1);
    };
    const job = await client().submit(late(), { model: await model(), topK: 1, wait: false });
    await sealJob(cloud.output, job.id, 1);
    sealedByOther.resolve();
    await expect(job.submitted).rejects.toThrow(/Another process is announcing the images of job/);
    expect(await job.record()).toMatchObject({ state: 'sealed', total: 1 });
  });

  it('rejects the wait for outcomes when the submission fails', async () => {
    const failing = async function* (): AsyncGenerator<Input> {
      yield* cats(1);
      throw new Error('the disk is on fire');
    };
    const job = await client().submit(failing(), { model: await model(), topK: 1, wait: true });
    await expect(all(job.outcomes())).rejects.toThrow('the disk is on fire');
  });
});

/** A service's verbs as plain properties, so that one can be replaced. */
const bound = (queues: QueueService): QueueService => ({
  open: (name) => queues.open(name),
  create: (name, settings) => queues.create(name, settings),
  remove: (name) => queues.remove(name),
  list: (prefix) => queues.list(prefix),
});

/** A queue that never gives anything. */
const deaf = (queue: Queue): Queue => ({
  name: queue.name,
  send: (messages, signal) => queue.send(messages, signal),
  receive: async ({ waitMs, signal }) => {
    await systemClock.sleep(waitMs, signal);
    return [];
  },
  extend: (receipts, leaseMs) => queue.extend(receipts, leaseMs),
  delete: (receipts) => queue.delete(receipts),
  depth: (signal) => queue.depth(signal),
});

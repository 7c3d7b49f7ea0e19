import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Cloud, Queue, QueueService, Store } from '../../../src/core/cloud/ports.ts';
import { retryingCloud } from '../../../src/core/cloud/retrying-cloud.ts';
import { FIRST_ATTEMPT, type NewJob } from '../../../src/core/job/job.ts';
import { createJob, readJob } from '../../../src/core/job/job-record.ts';
import {
  ImgclsError,
  ObjectMissingError,
  PreconditionFailedError,
  QueueMissingError,
} from '../../../src/core/runtime/errors.ts';
import { FORMAT } from '../../../src/core/runtime/versioned.ts';
import { createLocalCloud } from '../../../src/local/cloud.ts';

const throttled = new ImgclsError('transient', 'Slow down.');
const denied = new ImgclsError('permanent', 'Access is denied.');
const bytes = (content: string) => Buffer.from(content);
const contentOf = async (store: Store, key: string) => Buffer.from((await store.get(key)).body).toString();
const names = async (items: AsyncIterable<{ key: string }>) =>
  (await Array.fromAsync(items)).map(({ key }) => key);

/** When a call fails: instead of doing its work, or having done it. A listing fails after so many items. */
type Moment = 'before' | 'after' | { items: number };

/** The embedded cloud, whose next calls of a verb fail as they are told to. */
class Trouble {
  readonly #planned: { verb: string; moment: Moment; error: Error }[] = [];
  /** Every call, by verb. */
  readonly calls: string[] = [];

  next(verb: string, ...moments: Moment[]): void {
    for (const moment of moments) this.#planned.push({ verb, moment, error: throttled });
  }

  permanently(verb: string): void {
    this.#planned.push({ verb, moment: 'before', error: denied });
  }

  get left(): number {
    return this.#planned.length;
  }

  in(cloud: Cloud): Cloud {
    const input = this.#around<Store>(cloud.input);
    const output = this.#around<Store>(cloud.output);
    const queues = this.#around<QueueService>(cloud.queues);
    const opened: QueueService = Object.assign(Object.create(queues), {
      open: (name: string) => this.#around<Queue>(cloud.queues.open(name)),
      create: async (...given: Parameters<QueueService['create']>) =>
        this.#around<Queue>(await queues.create(...given)),
    });
    const bucket = (name: string) => (name === input.bucket ? input : output);
    return { ...cloud, input, output, queues: opened, bucket };
  }

  #around<T extends object>(port: T): T {
    return new Proxy(port, {
      get: (target, verb) => {
        const value: unknown = Reflect.get(target, verb);
        if (typeof value !== 'function') return value;
        const call = (...given: unknown[]): unknown => value.apply(target, given);
        return ['list', 'listFolders'].includes(String(verb))
          ? (...given: unknown[]) => this.#listing(String(verb), call(...given) as AsyncIterable<unknown>)
          : (...given: unknown[]) => this.#call(String(verb), () => call(...given));
      },
    });
  }

  async #call(verb: string, act: () => unknown): Promise<unknown> {
    const failure = this.#take(verb);
    if (failure?.moment === 'before') throw failure.error;
    const answer = await act();
    if (failure !== undefined) throw failure.error;
    return answer;
  }

  async *#listing(verb: string, items: AsyncIterable<unknown>): AsyncGenerator<unknown> {
    const failure = this.#take(verb);
    let left = typeof failure?.moment === 'object' ? failure.moment.items : 0;
    if (failure !== undefined && left === 0) throw failure.error;
    for await (const item of items) {
      yield item;
      if (failure !== undefined && --left === 0) throw failure.error;
    }
  }

  #take(verb: string): { moment: Moment; error: Error } | undefined {
    this.calls.push(verb);
    const at = this.#planned.findIndex((planned) => planned.verb === verb);
    return at < 0 ? undefined : this.#planned.splice(at, 1)[0];
  }
}

describe('the ports with retries', () => {
  let folder: string;
  let real: Cloud;
  let trouble: Trouble;
  let cloud: Cloud;
  let told: unknown[];
  let pauses: number[];
  let ending: AbortController;

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'imgcls-patient-'));
    real = createLocalCloud({ dataDir: folder, cluster: 'default' });
    trouble = new Trouble();
    told = [];
    pauses = [];
    ending = new AbortController();
    cloud = retryingCloud(trouble.in(real), {
      clock: { sleep: async (ms) => void pauses.push(ms) },
      random: () => 0.5,
      onRetry: (error) => told.push(error),
      signal: ending.signal,
    });
  });
  afterEach(async () => {
    await real.close();
    await rm(folder, { recursive: true, force: true });
  });

  describe('retry transient errors', () => {
    it('with growing pauses, and report each', async () => {
      await real.output.put('key', bytes('here'));
      trouble.next('get', 'before', 'after', 'before', 'before');
      expect(await contentOf(cloud.output, 'key')).toBe('here');
      expect(told).toEqual([throttled, throttled, throttled, throttled]);
      expect(pauses).toEqual([100, 200, 400, 800]);
    });

    it('and pause for 20 s at most, however long it takes', async () => {
      trouble.next('head', ...Array<Moment>(40).fill('before'));
      expect(await cloud.output.head('nothing')).toBeUndefined();
      expect(Math.max(...pauses)).toBe(10_000);
    });

    it.each<[string, (store: Store) => Promise<unknown>]>([
      ['head', (store) => store.head('key')],
      ['get', (store) => store.get('key')],
      ['getStream', async (store) => text((await store.getStream('key')).body)],
      ['put', (store) => store.put('key', bytes('other'))],
      ['refresh', (store) => store.refresh('key')],
      ['delete', (store) => store.delete(['key'])],
      ['list', (store) => Array.fromAsync(store.list(''))],
      ['listFolders', (store) => Array.fromAsync(store.listFolders(''))],
    ])('in %s of a store', async (verb, call) => {
      for (const store of [cloud.input, cloud.output, cloud.bucket('output')]) {
        await store.put('key', bytes('here'));
        trouble.next(verb, 'before');
        await call(store);
        expect(trouble.left).toBe(0);
      }
    });

    it.each<[string, (queue: Queue) => Promise<unknown>]>([
      ['send', (queue) => queue.send([{ body: 'more' }])],
      ['receive', (queue) => queue.receive({ max: 1, waitMs: 0, leaseMs: 1000 })],
      ['extend', (queue) => queue.extend([], 1000)],
      ['delete', (queue) => queue.delete([])],
      ['depth', (queue) => queue.depth()],
    ])('in %s of a queue', async (verb, call) => {
      const created = await cloud.queues.create('work');
      for (const queue of [created, cloud.queues.open('work')]) {
        trouble.next(verb, 'before');
        await call(queue);
        expect(trouble.left).toBe(0);
      }
    });

    it('when queues are created and deleted', async () => {
      trouble.next('create', 'after');
      await cloud.queues.create('work');
      trouble.next('remove', 'after');
      await cloud.queues.remove('work');
      expect(await Array.fromAsync(real.queues.list(''))).toEqual([]);
      expect(told).toHaveLength(2);
    });
  });

  describe('do not retry', () => {
    it('permanent errors', async () => {
      trouble.permanently('put');
      await expect(cloud.output.put('key', bytes('x'))).rejects.toBe(denied);
      await expect(cloud.output.get('nothing')).rejects.toThrow(ObjectMissingError);
      await expect(cloud.queues.open('nothing').depth()).rejects.toThrow(QueueMissingError);
      expect(told).toEqual([]);
    });

    it('after their signal aborts', async () => {
      const reason = new Error('enough');
      trouble.next('head', 'before', 'before');
      const waiting = retryingCloud(trouble.in(real), {
        clock: { sleep: async () => ending.abort(reason) },
        random: () => 0.5,
        signal: ending.signal,
      });
      await expect(waiting.output.head('key')).rejects.toBe(reason);
      expect(trouble.left).toBe(1);
    });

    it.each<[string, (store: Store, signal: AbortSignal) => Promise<unknown>]>([
      ['head', (store, signal) => store.head('key', signal)],
      ['get', (store, signal) => store.get('key', { signal })],
      ['getStream', (store, signal) => store.getStream('key', { signal })],
      ['put', (store, signal) => store.put('key', bytes('x'), { signal })],
      ['refresh', (store, signal) => store.refresh('key', signal)],
      ['delete', (store, signal) => store.delete(['key'], signal)],
      ['list', (store, signal) => Array.fromAsync(store.list('', { signal }))],
      ['listFolders', (store, signal) => Array.fromAsync(store.listFolders('', signal))],
    ])('%s after its caller aborts', async (verb, call) => {
      await real.output.put('key', bytes('here'));
      const own = new AbortController();
      const reason = new Error('my own');
      trouble.next(verb, 'before', 'before');
      const waiting = retryingCloud(trouble.in(real), {
        clock: { sleep: async () => own.abort(reason) },
        random: () => 0.5,
      });
      await expect(call(waiting.output, own.signal)).rejects.toBe(reason);
      expect(trouble.left).toBe(1);
    });

    it('a call in progress when the signal aborts', async () => {
      const reason = new Error('enough');
      const hanging: Store = Object.assign(Object.create(real.output), {
        head: (_key: string, signal?: AbortSignal) =>
          new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason))),
      });
      const waiting = retryingCloud(
        { ...real, output: hanging },
        { clock: { sleep: async () => {} }, random: () => 0, signal: ending.signal },
      );
      const asked = waiting.output.head('key');
      ending.abort(reason);
      await expect(asked).rejects.toBe(reason);
    });

    it('a receive after its caller aborts: it has no messages', async () => {
      const queue = await cloud.queues.create('work');
      const own = AbortSignal.abort();
      expect(await queue.receive({ max: 1, waitMs: 0, leaseMs: 0, signal: own })).toEqual([]);
      ending.abort(new Error('enough'));
      await expect(queue.receive({ max: 1, waitMs: 0, leaseMs: 0 })).rejects.toThrow('enough');
    });
  });

  describe('do no harm by a retry', () => {
    it('continue an interrupted listing after the last object, any number of times', async () => {
      const keys = ['p/1', 'p/2', 'p/3', 'p/4', 'p/5', 'q/1'];
      for (const key of keys) await real.output.put(key, bytes(key));
      trouble.next('list', { items: 0 }, { items: 2 }, { items: 0 }, { items: 1 });
      expect(await names(cloud.output.list('p/'))).toEqual(keys.slice(0, 5));
      trouble.next('list', { items: 0 }, { items: 1 });
      expect(await names(cloud.output.list('p/', { startAfter: 'p/3' }))).toEqual(['p/4', 'p/5']);
      expect(trouble.left).toBe(0);
    });

    it('continue an interrupted listing of folders or queues', async () => {
      for (const name of ['a', 'b', 'c', 'd']) {
        await real.output.put(`jobs/${name}/job.json`, bytes('{}'));
        await real.queues.create(name);
      }
      trouble.next('listFolders', { items: 2 }, { items: 3 });
      expect(await Array.fromAsync(cloud.output.listFolders('jobs/'))).toEqual(['a', 'b', 'c', 'd']);
      trouble.next('list', { items: 2 }, { items: 0 }, { items: 3 });
      const queues = await Array.fromAsync(cloud.queues.list(''));
      expect(queues.map(({ name }) => name).sort()).toEqual(['a', 'b', 'c', 'd']);
      expect(trouble.left).toBe(0);
    });

    it('open a stream again for each retry', async () => {
      let opened = 0;
      const body = {
        bytes: 5,
        open: () => {
          opened++;
          return Readable.from([bytes('again')]);
        },
      };
      trouble.next('put', 'after', 'after');
      await cloud.input.put('key', body);
      expect(opened).toBe(3);
      expect(await contentOf(real.input, 'key')).toBe('again');
    });

    it('repeat at most ten messages when a response is lost', async () => {
      const queue = await cloud.queues.create('work');
      trouble.next('send', 'after');
      await queue.send(Array.from({ length: 35 }, (_, index) => ({ body: String(index) })));
      expect((await real.queues.open('work').depth()).waiting).toBe(45);
    });

    it('report lost leases', async () => {
      const queue = await cloud.queues.create('work');
      await queue.send([{ body: 'one' }]);
      const [message] = await queue.receive({ max: 1, waitMs: 0, leaseMs: 60_000 });
      const receipt = message?.receipt ?? '';
      trouble.next('extend', 'after');
      expect(await queue.extend([receipt, 'unknown'], 60_000)).toEqual(['unknown']);
      trouble.next('delete', 'before');
      expect(await queue.delete([receipt])).toEqual([]);
    });
  });

  describe('recognise their own writes', () => {
    it('when the response to the first write is lost', async () => {
      trouble.next('put', 'after');
      const { etag } = await cloud.output.put('key', bytes('mine'), { only: 'absent' });
      expect(await real.output.head('key')).toMatchObject({ etag });
    });

    it('when the response to a change is lost and the first read of the object fails', async () => {
      const { etag } = await real.output.put('key', bytes('before'));
      trouble.next('put', 'after');
      trouble.next('get', 'before');
      const changed = await cloud.output.put('key', bytes('mine'), { only: { etag } });
      expect(await real.output.head('key')).toMatchObject({ etag: changed.etag });
    });

    it('so that a job is new although the response to its first write was lost', async () => {
      const job: NewJob = {
        v: FORMAT,
        id: '01ARZ3NDEKTSV4RRFFQ69G5FAV',
        state: 'open',
        createdAtMs: 1,
        inputs: ['photos'],
        include: [],
        exclude: [],
        topK: 5,
        model: { name: 'm', version: '1', variant: 'int8', sha256: 'a'.repeat(64) },
        attempt: FIRST_ATTEMPT,
        retried: [],
      };
      trouble.next('put', 'after', 'after');
      await createJob(cloud.output, job);
      expect(await readJob(real.output, job.id)).toMatchObject({ state: 'open', inputs: ['photos'] });
    });

    it.each([
      ['another wrote there', () => real.output.put('key', bytes('theirs'))],
      ['it is gone again', () => real.output.delete(['key'])],
    ])('and not those of others: the write is refused if %s meanwhile', async (_, meanwhile) => {
      const { etag } = await real.output.put('key', bytes('before'));
      const meddled = retryingCloud(trouble.in(real), {
        clock: { sleep: async () => void (await meanwhile()) },
        random: () => 0,
      });
      trouble.next('put', 'before');
      await expect(meddled.output.put('key', bytes('mine'), { only: { etag } })).rejects.toThrow(
        PreconditionFailedError,
      );
    });

    it('but not in the first run, and not streams, which they cannot compare', async () => {
      await real.output.put('key', bytes('mine'));
      const first = cloud.output.put('key', bytes('mine'), { only: 'absent' });
      await expect(first).rejects.toThrow(PreconditionFailedError);
      trouble.next('put', 'before');
      const stream = { bytes: 4, open: () => Readable.from([bytes('mine')]) };
      await expect(cloud.output.put('key', stream, { only: 'absent' })).rejects.toThrow(
        PreconditionFailedError,
      );
      expect(trouble.calls).not.toContain('get');
    });
  });

  it('give the same store for each of its names', () => {
    expect(cloud.bucket('input')).toBe(cloud.input);
    expect(cloud.bucket('output')).toBe(cloud.bucket('output'));
    expect(cloud.output.bucket).toBe('output');
  });
});

import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { ObjectInfo, Store } from '../../../src/core/cloud/ports.ts';
import { JobStates } from '../../../src/core/job/job-states.ts';
import { responseFor } from '../../../src/core/job/responses.ts';
import { Budget } from '../../../src/core/runtime/budget.ts';
import { DamagedError, ImgclsError, ObjectMissingError } from '../../../src/core/runtime/errors.ts';
import { untilNoController } from '../../../src/worker/lifecycle/controller-watch.ts';
import { downloadImage, type ImageDownloadOptions } from '../../../src/worker/messages/download.ts';
import { withRetries } from '../../../src/worker/messages/retry.ts';
import { SteppingClock } from './stepping-clock.ts';

const never = new AbortController().signal;
const outage = () => new ImgclsError('transient', 'The store is down.');
const info = (bytes: number, etag = 'e'): ObjectInfo => ({ bytes, etag, modifiedAtMs: 0 });

/** A store with only these methods. */
const storeOf = (methods: Partial<Store>): Store => methods as Store;

describe('the watch for a controller', () => {
  const WITHOUT_MS = 30_000;
  const watch = (head: () => Promise<ObjectInfo | undefined>) => {
    const clock = new SteppingClock();
    const stop = new AbortController();
    let gone = false;
    const ended = untilNoController({
      output: storeOf({ head }),
      clock,
      withoutMs: WITHOUT_MS,
      signal: stop.signal,
    }).then((answer) => {
      gone = answer;
    });
    return { clock, stop, ended, isGone: () => gone };
  };

  it('finds none when the lock never changes', async () => {
    const { clock, isGone } = watch(async () => info(1));
    await clock.advance(WITHOUT_MS);
    expect(isGone()).toBe(false);
    await clock.advance(WITHOUT_MS);
    expect(isGone()).toBe(true);
  });

  it('does not take an outage of the store for a missing controller', async () => {
    let down = true;
    const { clock, isGone } = watch(async () => {
      if (down) throw outage();
      return undefined;
    });
    await clock.advance(WITHOUT_MS * 10);
    expect(isGone()).toBe(false);
    down = false;
    await clock.advance(WITHOUT_MS - 1);
    expect(isGone()).toBe(false);
    await clock.advance(WITHOUT_MS);
    expect(isGone()).toBe(true);
  });

  it('ends with its worker', async () => {
    const { clock, stop, ended, isGone } = watch(async () => undefined);
    stop.abort();
    await ended;
    expect([isGone(), clock.sleeping]).toEqual([false, 0]);
  });
});

describe('the state of a job', () => {
  const JOB = '01ARZ3NDEKTSV4RRFFQ69G5FAV';
  const record = (state: string) =>
    Buffer.from(
      JSON.stringify({
        v: 1,
        id: JOB,
        state,
        createdAtMs: 0,
        inputs: [],
        include: [],
        exclude: [],
        topK: 1,
        model: { name: 'm', version: '1', variant: 'fp32', sha256: 'a'.repeat(64) },
      }),
    );

  it('is read once in 10 s for all batches', async () => {
    const clock = new SteppingClock();
    let reads = 0;
    let state = 'open';
    const get = async () => {
      reads++;
      return { info: info(1), body: record(state) };
    };
    const states = new JobStates(storeOf({ get }), clock);
    await Promise.all([states.isCancelled(JOB), states.isCancelled(JOB)]);
    state = 'cancelled';
    await clock.advance(9_999);
    expect([await states.isCancelled(JOB), reads]).toEqual([false, 1]);
    await clock.advance(1);
    expect([await states.isCancelled(JOB), reads]).toEqual([true, 2]);
  });

  it('is read again after an outage', async () => {
    let down = true;
    const get = async () => {
      if (down) throw outage();
      return { info: info(1), body: record('cancelled') };
    };
    const states = new JobStates(storeOf({ get }), new SteppingClock());
    await expect(states.isCancelled(JOB)).rejects.toThrow('down');
    down = false;
    expect(await states.isCancelled(JOB)).toBe(true);
  });

  it('counts as cancelled when the job was deleted', async () => {
    const get = () => Promise.reject(new ObjectMissingError('b', 'k'));
    expect(await new JobStates(storeOf({ get }), new SteppingClock()).isCancelled(JOB)).toBe(true);
  });
});

describe('a download', () => {
  const setUp = (store: Partial<Store>, limits: Partial<ImageDownloadOptions> = {}) => {
    const memory = new Budget(4 * 1024 * 1024);
    const ours = storeOf({ bucket: 'ours', ...store });
    const clock = new SteppingClock();
    const options: ImageDownloadOptions = {
      cloud: { input: ours, output: ours, bucket: () => ours },
      maxImageBytes: 3 * 1024 * 1024,
      memory,
      connections: new Budget(4),
      clock,
      random: () => 0,
      signal: never,
      ...limits,
    };
    return { memory, clock, run: (bucket = 'ours', key = 'k') => downloadImage({ bucket, key }, options) };
  };
  const whole = (bytes: number) => async () => ({
    info: info(bytes),
    body: Readable.from([Buffer.alloc(bytes)]),
  });

  it('counts the bytes that it holds until they are released', async () => {
    const { memory, run } = setUp({ getStream: whole(1000) });
    const found = await run();
    expect(memory.used).toBe(1000);
    if ('release' in found) found.release();
    expect(memory.used).toBe(0);
  });

  it('holds no connection open while it waits for memory', async () => {
    const bodies: Readable[] = [];
    const getStream = async () => {
      const body = Readable.from([Buffer.alloc(2_500_000)]);
      bodies.push(body);
      return { info: info(2_500_000), body };
    };
    const { memory, clock, run } = setUp({ getStream });
    await memory.take(2_000_000, never);
    const running = run();
    await clock.advance(0);
    expect(bodies.map(({ destroyed }) => destroyed)).toEqual([true]);
    memory.give(2_000_000);
    expect(await running).toHaveProperty('bytes.byteLength', 2_500_000);
    expect(memory.used).toBe(2_500_000);
  });

  it('rejects a file that is too large without reading it, and keeps no memory', async () => {
    let reads = 0;
    const body = new Readable({ read: () => void reads++ });
    const { memory, run } = setUp({ getStream: async () => ({ info: info(3 * 1024 * 1024 + 1), body }) });
    expect(await run()).toMatchObject({ error: { code: 'too_large' } });
    expect([reads, body.destroyed, memory.used]).toEqual([0, true, 0]);
  });

  it('is retried when it is interrupted, and keeps no memory when it fails', async () => {
    let tries = 0;
    const getStream = async () => {
      tries++;
      return { info: info(2_000_000), body: Readable.from([Buffer.alloc(10)]) };
    };
    const { memory, clock, run } = setUp({ getStream });
    const running = run();
    const failing = expect(running).rejects.toMatchObject({ kind: 'transient' });
    await clock.advance(60_000);
    await failing;
    expect(tries).toBeGreaterThan(1);
    expect(memory.used).toBe(0);
  });

  it('of stored bytes that are damaged gives the image the error changed', async () => {
    let tries = 0;
    const getStream = async () => {
      tries++;
      const body = new Readable({ read: () => body.destroy(new DamagedError('Not those of its checksum.')) });
      return { info: info(10), body };
    };
    const { memory, clock, run } = setUp({ getStream });
    const running = run();
    await clock.advance(60_000);
    expect(await running).toMatchObject({ error: { code: 'changed' } });
    expect([tries > 1, memory.used]).toEqual([true, 0]);
  });

  it('of a stored copy that has expired says so, and what to do', async () => {
    const getStream = () => Promise.reject(new ObjectMissingError('ours', 'images/aa/aa'));
    const { memory, run } = setUp({ getStream });
    expect(await run('ours', 'images/aa/aa')).toEqual({
      error: {
        code: 'missing',
        message: 'The stored copy of the image has expired or was deleted. A retry reads the file again.',
      },
    });
    expect(memory.used).toBe(0);
  });

  it('of a dropped image without access is an error of that image alone', async () => {
    const denied = new ImgclsError('permanent', 'Access denied.');
    const { run } = setUp({ getStream: () => Promise.reject(denied) });
    expect(await run('ours', 'drop/cat.jpg')).toMatchObject({ error: { code: 'unreadable' } });
  });

  it('from a foreign bucket without access is an error of that image alone', async () => {
    const denied = new ImgclsError('permanent', 'Access denied.');
    const { run } = setUp({ getStream: () => Promise.reject(denied) });
    expect(await run('theirs')).toMatchObject({ error: { code: 'unreadable' } });
    await expect(run('ours', 'images/aa/aa')).rejects.toBe(denied);
  });

  it('of an object of the cluster that is no image, as in a forged request, does not end the worker', async () => {
    const denied = new ImgclsError('permanent', 'Access denied.');
    const { run } = setUp({ getStream: () => Promise.reject(denied) });
    expect(await run('ours', 'controller/report.json')).toMatchObject({ error: { code: 'unreadable' } });
  });
});

describe('a retry', () => {
  it('is for the faults of the world alone, and has an end', async () => {
    const clock = new SteppingClock();
    const counting = (error: Error) => {
      let tries = 0;
      const run = withRetries(() => Promise.reject(++tries && error), {
        clock,
        random: () => 1,
        signal: never,
      });
      return run.catch(() => tries);
    };
    const transient = counting(outage());
    await clock.advance(60_000);
    expect([await transient, await counting(new ImgclsError('permanent', 'No.'))]).toEqual([4, 1]);
  });
});

describe('a response', () => {
  const range = { attempt: 1, first: 0, last: 15 };
  it('has the outcomes if they fit into a message, else none', () => {
    const outcome = (message: string) =>
      ({ v: 1, index: 0, name: 'a', error: { code: 'missing', message } }) as const;
    expect(
      JSON.parse(responseFor({ job: 'j' }, 'w', { range, outcomes: [outcome('')] })).outcomes,
    ).toHaveLength(1);
    const long = responseFor({ job: 'j' }, 'w', { range, outcomes: [outcome('x'.repeat(250_000))] });
    expect(JSON.parse(long)).toEqual({ v: 1, job: 'j', ...range, worker: 'w' });
  });
});

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ulid } from 'ulid';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/cli/clock.ts';
import { activeKey, requestQueueName } from '../../src/core/keys.ts';
import type { Cloud } from '../../src/core/ports.ts';
import { createLocalCloud } from '../../src/local/cloud.ts';
import type { Fleet } from '../../src/scaler/fleet.ts';
import { LockKeeper } from '../../src/scaler/lock.ts';
import { type StandBy, standBy } from '../../src/scaler/stand-by.ts';

describe('standing by for the controller lock', () => {
  let folder: string;
  let cloud: Cloud;
  /** Workers of the machine, whoever started them. */
  let workers: number;
  let failure: unknown;
  const standing: StandBy[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'imgcls-stand-by-'));
    cloud = createLocalCloud({ dataDir: folder, cluster: 'test' });
    await cloud.queues.create(requestQueueName('test'));
    workers = 0;
    failure = undefined;
  });
  afterEach(async () => {
    await Promise.all(standing.splice(0).map((one) => one.leave([])));
    await cloud.close();
    await rm(folder, { recursive: true });
  });

  const fleet = (over: Partial<Fleet> = {}): Fleet => ({
    capacity: async () => workers,
    launch: async () => {
      workers++;
    },
    drain: async () => {
      workers = 0;
    },
    ...over,
  });
  function waiter(over: Partial<Fleet> = {}): StandBy {
    const one = standBy({
      lock: new LockKeeper({ store: cloud.output, holder: ulid(), clock: systemClock, ttlMs: 10_000 }),
      fleet: fleet(over),
      output: cloud.output,
      requests: cloud.queues.open(requestQueueName('test')),
      workers: 1,
      clock: systemClock,
      onFailure: (error) => {
        failure = error;
      },
    });
    standing.push(one);
    return one;
  }
  const leave = (one: StandBy, givenUp: string[] = []) => {
    standing.splice(standing.indexOf(one), 1);
    return one.leave(givenUp);
  };
  const running = () => expect.poll(() => workers, { timeout: 5000 });
  async function unfinishedJob(): Promise<string> {
    const id = ulid();
    await cloud.output.put(activeKey(id), new Uint8Array());
    await cloud.queues.open(requestQueueName('test')).send([{ body: 'work' }]);
    return id;
  }

  it('keeps one worker running, however many wait', async () => {
    waiter();
    waiter();
    await running().toBe(1);
    workers = 0;
    await running().toBe(1);
  });

  it('drains the workers with the last waiter', async () => {
    const one = waiter();
    await running().toBe(1);
    await leave(one);
    expect(workers).toBe(0);
  });

  it('leaves the workers to the next waiter while another job has work, and the next one drains them', async () => {
    const one = waiter();
    await running().toBe(1);
    const next = waiter();
    const job = await unfinishedJob();
    await leave(one);
    expect(workers).toBe(1);
    await cloud.output.delete([activeKey(job)]);
    await leave(next);
    expect(workers).toBe(0);
  });

  it('drains them when the only work left is that of a job which was given up', async () => {
    const one = waiter();
    await running().toBe(1);
    await leave(one, [await unfinishedJob()]);
    expect(workers).toBe(0);
  });

  it('is not kept from draining by a job whose submitter was killed and which has nothing in the queue', async () => {
    const one = waiter();
    await running().toBe(1);
    await cloud.output.put(activeKey(ulid()), new Uint8Array());
    await leave(one);
    expect(workers).toBe(0);
  });

  it('tells whoever waits when workers cannot be started', async () => {
    waiter({
      launch: async () => {
        throw new Error('no such program');
      },
    });
    await expect.poll(() => failure, { timeout: 5000 }).toMatchObject({ message: 'no such program' });
  });
});

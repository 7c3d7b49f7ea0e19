import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ulid } from 'ulid';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/app/system-clock.ts';
import type { Cloud, Queue } from '../../src/core/cloud/ports.ts';
import type { WorkerStatus } from '../../src/core/fleet/fleet.ts';
import { SMALL_BATCH } from '../../src/core/job/batches.ts';
import { createJob, sealJob } from '../../src/core/job/job-record.ts';
import {
  activeKey,
  interactiveQueueName,
  requestQueueName,
  workerStatusKey,
} from '../../src/core/job/keys.ts';
import { noLog } from '../../src/core/runtime/log.ts';
import { createLocalCloud } from '../../src/local/cloud.ts';
import { Controller } from '../../src/scaler/controller.ts';
import type { FleetDriver, FleetMember } from '../../src/scaler/fleet.ts';
import { handOver } from '../../src/scaler/hand-over.ts';
import { readHistory, writeHistory } from '../../src/scaler/history.ts';
import { LockKeeper } from '../../src/scaler/lock.ts';
import { type Loop, startLoop } from '../../src/scaler/loop.ts';
import { Observer } from '../../src/scaler/observe.ts';
import { readReport, writeReport } from '../../src/scaler/report.ts';
import { MODEL } from './worker-harness.ts';

/** A fleet that is only a list of machines. Store and queues are real. */
class Machines implements FleetDriver {
  list: FleetMember[] = [];
  async members() {
    return [...this.list];
  }
  async launch({ count, decision }: { count: number; decision: string }) {
    const started = Array.from({ length: count }, (_, at) => `${decision}-${at}-${ulid()}`);
    for (const id of started) this.list.push({ id, state: 'running', launchedAtMs: Date.now() });
    return { started };
  }
  async retire(ids: readonly string[]) {
    this.list = this.list.filter(({ id }) => !ids.includes(id));
  }
  terminate(ids: readonly string[]) {
    return this.retire(ids);
  }
  async hourlyUsd() {
    return 0;
  }
}

let folder: string;
let cloud: Cloud;
let requests: Queue;
let machines: Machines;
const loops: Loop[] = [];

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'imgcls-controller-'));
  cloud = createLocalCloud({ dataDir: folder, cluster: 'test' });
  requests = await cloud.queues.create(requestQueueName('test'));
  machines = new Machines();
});
afterEach(async () => {
  await Promise.all(loops.splice(0).map((loop) => loop.stop()));
  await cloud.close();
  await rm(folder, { recursive: true });
});

const newLock = (ttlMs = 2000) =>
  new LockKeeper({ store: cloud.output, holder: ulid(), clock: systemClock, ttlMs });
const observer = (interactive = cloud.queues.open(interactiveQueueName('test'))) =>
  new Observer({
    output: cloud.output,
    requests,
    interactive,
    driver: machines,
    prior: { imagesPerSecond: 10, bootMs: 1000 },
    readModelCosts: async () => ({}),
    restingListEveryMs: 0,
    clock: systemClock,
  });
function controller(lock = newLock(), driver: FleetDriver = machines) {
  return new Controller({
    lock,
    driver,
    observer: observer(),
    reports: {
      read: () => readReport(cloud.output),
      write: (report) => writeReport(cloud.output, report),
      readJobCost: async () => undefined,
      writeJobCosts: async () => {},
      readHistory: () => readHistory(cloud.output),
      writeHistory: (history) => writeHistory(cloud.output, history),
    },
    settings: {
      policy: 'backlog',
      min: 0,
      max: 3,
      maxLaunchPerTick: 100,
      cooldownMs: 0,
      idleMs: 0,
      targetMs: 5000,
      billingMinimumMs: 0,
      hourlyUsd: 0,
      maxHourlyCostUsd: undefined,
      maxJobCostUsd: undefined,
    },
    bootDeadlineMs: 600_000,
    reportEveryMs: 15_000,
    holder: 'us',
    driverName: 'list',
    clock: systemClock,
    log: noLog,
  });
}
function run(driver?: FleetDriver) {
  const lock = newLock();
  const problems: unknown[] = [];
  const loop = startLoop({
    controller: controller(lock, driver),
    lock,
    chores: [],
    tickMs: 50,
    lockRenewEveryMs: 400,
    lockLookEveryMs: 400,
    clock: systemClock,
    random: () => 0,
    log: noLog,
    onProblem: (error) => problems.push(error),
  });
  loops.push(loop);
  return { lock, loop, problems };
}
const send = (messages: number) => requests.send(Array.from({ length: messages }, () => ({ body: 'work' })));
const sizes = () => expect.poll(() => machines.list.length, { timeout: 10_000 });

describe('controllers of one cluster', () => {
  it('act as one, whatever their number', async () => {
    await send(100);
    run();
    run();
    run();
    await sizes().toBe(3);
    await expect.poll(async () => (await readReport(cloud.output))?.target, { timeout: 5000 }).toBe(3);
    expect(machines.list).toHaveLength(3);
  });

  it('take over when the acting one has stopped', async () => {
    const first = run();
    await expect.poll(() => first.lock.epoch).toBe(1);
    const second = run();
    await first.loop.stop();
    await first.lock.release();
    await send(100);
    await sizes().toBe(3);
    expect(second.lock.epoch).toBe(2);
  });

  it('continue after errors that a retry does not fix', async () => {
    let failures = 2;
    const denied = Object.assign(Object.create(machines), {
      launch: async (request: { count: number; decision: string }) => {
        if (failures-- > 0) throw new Error('denied');
        return await machines.launch(request);
      },
    });
    const { problems } = run(denied);
    await send(100);
    await sizes().toBe(3);
    // The same failure in two ticks is reported once.
    expect(problems).toEqual([new Error('denied')]);
  });
});

describe('an observation', () => {
  const status = (over: Partial<WorkerStatus>): WorkerStatus => ({
    v: 1,
    id: 'w',
    state: 'ready',
    host: 'here',
    managed: true,
    pid: 1,
    startedAtMs: Date.now(),
    updatedAtMs: Date.now(),
    boot: { readyMs: 500 },
    imagesDone: 0,
    imagesPerSecond: 0,
    runners: 1,
    rssBytes: 0,
    peakRssBytes: 0,
    models: [],
    version: '0',
    ...over,
  });
  const report = (over: Partial<WorkerStatus>) =>
    cloud.output.put(workerStatusKey(over.id ?? 'w'), Buffer.from(JSON.stringify(status(over))));
  const observe = () => observer().observe();

  it('has a machine that boots until its worker reports that it is ready', async () => {
    machines.list = [{ id: 'w', state: 'running', launchedAtMs: Date.now() }];
    const before = await observe();
    await report({ state: 'ready' });
    const after = await observe();
    expect([before, after].map(({ snapshot }) => snapshot.machines)).toMatchObject([
      [{ id: 'w', phase: 'booting' }],
      [{ id: 'w', phase: 'idle' }],
    ]);
  });

  it('has what workers measured: images per second when busy, boot time, images per message', async () => {
    const launchedAtMs = Date.now() - 60_000;
    machines.list = [{ id: 'w', state: 'running', launchedAtMs }];
    await report({
      state: 'busy',
      startedAtMs: launchedAtMs + 1000,
      boot: { readyMs: 500 },
      imagesDone: 100,
      messagesDone: 50,
      imagesPerSecond: 4,
      busyShare: 0.8,
    });
    await send(10);
    const { snapshot } = await observe();
    expect(snapshot.measured).toEqual({ imagesPerSecond: 5, bootMs: 1500 });
    expect(snapshot.backlog).toMatchObject({ waiting: 10, images: 20 });
  });

  it('has no capacity in a worker that failed: another one takes its place', async () => {
    machines.list = [{ id: 'w', state: 'running', launchedAtMs: Date.now() }];
    await report({ state: 'failed', failure: 'The model does not run here.' });
    expect((await observe()).snapshot.machines).toMatchObject([{ id: 'w', phase: 'draining' }]);
  });

  it('shows whether a worker with the last images lives: an idle one stays until it has reported again', async () => {
    const launchedAtMs = Date.now() - 600_000;
    for (const id of ['idle', 'last']) machines.list.push({ id, state: 'running', launchedAtMs });
    await send(1);
    await requests.receive({ max: 1, waitMs: 0, leaseMs: 60_000 });
    await report({ id: 'idle', state: 'ready', imagesDone: 16 });
    await report({ id: 'last', state: 'busy', imagesDone: 16 });
    const lock = newLock(60_000);
    await lock.keep();
    const acting = controller(lock);
    const fleetAfterTick = async () => {
      await acting.tick();
      return machines.list.map(({ id }) => id);
    };
    for (let tick = 0; tick < 3; tick++) expect(await fleetAfterTick()).toEqual(['idle', 'last']);
    await report({ id: 'last', state: 'busy', imagesDone: 32 });
    expect(await fleetAfterTick()).toEqual(['last']);
    await lock.release();
  });

  it('has no work in messages of a newer imgcls that a worker has hidden', async () => {
    await send(3);
    await requests.receive({ max: 2, waitMs: 0, leaseMs: 60_000 });
    await report({ state: 'outdated', newerMessages: 1 });
    expect((await observe()).snapshot.backlog).toMatchObject({ waiting: 1, inFlight: 1 });
  });

  it('has no more images than the jobs have', async () => {
    const id = ulid();
    await createJob(cloud.output, {
      v: 1,
      id,
      state: 'open',
      createdAtMs: Date.now(),
      inputs: [],
      include: [],
      exclude: [],
      topK: 1,
      model: MODEL,
    });
    await sealJob(cloud.output, id, 20);
    await send(2);
    expect((await observe()).snapshot.backlog).toMatchObject({ images: 20 });
  });

  it('adds the images of the interactive queue to those of the request queue', async () => {
    const interactive = await cloud.queues.create(interactiveQueueName('test'));
    await interactive.send([{ body: 'one image' }]);
    expect((await observe()).snapshot.backlog).toEqual({ waiting: 1, inFlight: 0, delayed: 0, images: 1 });
    await send(2);
    expect((await observe()).snapshot.backlog).toMatchObject({ waiting: 3, images: 2 * SMALL_BATCH + 1 });
  });

  it('does not take single images for small batches', async () => {
    await report({ imagesDone: 1080, interactiveDone: 1000, messagesDone: 5 });
    await send(1);
    expect((await observe()).snapshot.backlog).toMatchObject({ images: 16 });
  });

  it('has an unknown backlog if the interactive queue cannot be read, unless there is none', async () => {
    const broken = { ...cloud.queues.open('broken'), depth: () => Promise.reject(new Error('throttled')) };
    expect((await observer(broken).observe()).snapshot.backlog).toEqual({ unknown: 'throttled' });
    expect((await observe()).snapshot.backlog).toMatchObject({ waiting: 0 });
  });

  it('has an unmanaged worker while it reports', async () => {
    await report({ id: 'unmanaged', managed: false, state: 'busy' });
    expect((await observe()).snapshot.machines).toMatchObject([{ id: 'unmanaged', managed: false }]);
  });

  it('has unknown values, not zeros, if nothing can be read', async () => {
    await cloud.queues.remove(requestQueueName('test'));
    Object.assign(machines, {
      members: async () => {
        throw new Error('throttled');
      },
    });
    const { snapshot } = await observe();
    expect(snapshot.backlog).toMatchObject({ unknown: expect.stringMatching(/Queue \S+ does not exist/) });
    expect(snapshot.machines).toEqual({ unknown: 'throttled' });
  });
});

describe('a controller of one machine that ends', () => {
  let ended: boolean;
  beforeEach(() => {
    ended = false;
  });
  const leave = (lock: LockKeeper, cancelledJobs: string[] = []) =>
    handOver(
      {
        lock,
        output: cloud.output,
        requests,
        endWorkers: async () => {
          ended = true;
          return true;
        },
        clock: systemClock,
      },
      cancelledJobs,
    );
  async function unfinishedJob(): Promise<string> {
    const id = ulid();
    await cloud.output.put(activeKey(id), new Uint8Array());
    await send(1);
    return id;
  }

  it('drains the workers when there is no work left', async () => {
    const lock = newLock();
    await lock.keep();
    await leave(lock);
    expect(ended).toBe(true);
    expect(lock.epoch).toBeUndefined();
  });

  it('leaves the workers to the next controller while another job has work', async () => {
    const [lock, next] = [newLock(), newLock()];
    await lock.keep();
    const job = await unfinishedJob();
    await leave(lock);
    expect(ended).toBe(false);
    await next.keep();
    expect(next.epoch).toBe(2);
    await cloud.output.delete([activeKey(job)]);
    await leave(next);
    expect(ended).toBe(true);
  });

  it('drains the workers when only a cancelled job has work left', async () => {
    const lock = newLock();
    await lock.keep();
    await leave(lock, [await unfinishedJob()]);
    expect(ended).toBe(true);
  });

  it('drains the workers if an unfinished job of a killed submitter has no messages', async () => {
    const lock = newLock();
    await lock.keep();
    await cloud.output.put(activeKey(ulid()), new Uint8Array());
    await leave(lock);
    expect(ended).toBe(true);
  });

  it('leaves the workers alone when another controller holds the lock', async () => {
    const [holder, other] = [newLock(), newLock()];
    await holder.keep();
    await leave(other);
    expect(ended).toBe(false);
  });
});

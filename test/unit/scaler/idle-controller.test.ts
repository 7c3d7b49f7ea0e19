/** The requests of an idle controller to S3 and SQS, and that its lock, report and reactions do not suffer from saving them. */
import { afterEach, describe, expect, it } from 'vitest';
import {
  CONTROLLER_TIMING,
  lockLateAfterMs,
  noControllerExitMs,
  reportStaleAfterMs,
} from '../../../src/core/fleet/controller-timing.ts';
import { CONTROLLER_LOCK_KEY, interactiveQueueName, requestQueueName } from '../../../src/core/job/keys.ts';
import { noLog } from '../../../src/core/runtime/log.ts';
import { drainDeadLetters } from '../../../src/results/dead-letters.ts';
import { settleJobs } from '../../../src/results/settle-jobs.ts';
import { sweepIdempotencyKeys, sweepResponseQueues, sweepStatuses } from '../../../src/results/sweep.ts';
import { Controller } from '../../../src/scaler/controller.ts';
import { readHistory, writeHistory } from '../../../src/scaler/history.ts';
import { LockKeeper } from '../../../src/scaler/lock.ts';
import { type Loop, startLoop } from '../../../src/scaler/loop.ts';
import { Observer } from '../../../src/scaler/observe.ts';
import { readReport, writeReport } from '../../../src/scaler/report.ts';
import { SteppingClock } from '../worker/stepping-clock.ts';
import { CountingStore, type Fault, IdleCloud, ListedFleet } from './idle-world.ts';

const TIMING = CONTROLLER_TIMING.aws;
const TICK_MS = 5000;
const MINUTE_MS = 60_000;

let loops: Loop[] = [];
afterEach(() => {
  for (const loop of loops) void loop.stop();
  loops = [];
});

function newWorld() {
  const clock = new SteppingClock();
  const store = new CountingStore(clock);
  const fleet = new ListedFleet(clock);
  return { clock, store, fleet, cloud: new IdleCloud(clock, store) };
}
type World = ReturnType<typeof newWorld>;

/** A controller as `imgcls scale` runs it on AWS. */
function startController(world: World, holder: string, faultOf?: (key: string) => Fault): LockKeeper {
  const { clock, fleet } = world;
  const output = world.store.open(faultOf);
  const cloud = world.cloud.open(output);
  const driver = fleet.open(holder);
  const lock = new LockKeeper({ store: output, holder, clock, ttlMs: TIMING.lockTtlMs });
  const controller = new Controller({
    lock,
    driver,
    observer: new Observer({
      output,
      requests: cloud.queues.open(requestQueueName('test')),
      interactive: cloud.queues.open(interactiveQueueName('test')),
      driver,
      prior: { imagesPerSecond: 20, bootMs: 70_000 },
      readModelCosts: async () => ({}),
      restingListEveryMs: TIMING.restingListEveryMs,
      clock,
    }),
    reports: {
      read: () => readReport(output),
      write: (report) => writeReport(output, report),
      readJobCost: async () => undefined,
      writeJobCosts: async () => {},
      readHistory: () => readHistory(output),
      writeHistory: (history) => writeHistory(output, history),
    },
    reportEveryMs: TIMING.reportEveryMs,
    settings: {
      policy: 'backlog',
      min: 0,
      max: 1,
      maxLaunchPerTick: 1,
      cooldownMs: 0,
      idleMs: undefined,
      targetMs: 120_000,
      billingMinimumMs: 60_000,
      hourlyUsd: 0.1,
      maxHourlyCostUsd: undefined,
      maxJobCostUsd: undefined,
    },
    bootDeadlineMs: 600_000,
    holder,
    driverName: 'memory',
    clock,
    log: noLog,
  });
  const chores = [
    drainDeadLetters(cloud, clock),
    settleJobs(cloud, clock, TIMING),
    sweepResponseQueues(cloud, clock),
    sweepStatuses(cloud, clock),
    sweepIdempotencyKeys(cloud, clock),
  ];
  const onProblem = (error: unknown) => expect.fail(String(error));
  const loop = { lock, clock, chores, tickMs: TICK_MS, random: () => 0, log: noLog, onProblem };
  loops.push(startLoop({ controller, ...loop, ...TIMING }));
  return lock;
}

describe('an idle controller on AWS', () => {
  it('makes at most eight requests at the price of a PUT a minute, and forty of SQS', async () => {
    const world = newWorld();
    const { clock, store, cloud } = world;
    startController(world, 'a');
    await clock.advance(MINUTE_MS);
    const before = { dear: store.puts + store.lists, queue: cloud.queueRequests };
    await clock.advance(60 * MINUTE_MS);
    expect((store.puts + store.lists - before.dear) / 60).toBeLessThanOrEqual(8);
    expect((cloud.queueRequests - before.queue) / 60).toBeLessThanOrEqual(40);
  });

  it('holds its lock all the time, and its report is never stale', async () => {
    const world = newWorld();
    const lock = startController(world, 'a');
    await world.clock.advance(1);
    const output = world.store.open();
    for (let second = 0; second < 600; second++) {
      await world.clock.advance(1000);
      expect(lock.epoch).toBe(1);
      const { updatedAtMs = Number.NEGATIVE_INFINITY } = (await readReport(output)) ?? {};
      expect(world.clock.nowMs() - updatedAtMs).toBeLessThan(reportStaleAfterMs(TIMING));
    }
  });

  it('launches at the first tick after work arrived, and reports it at once', async () => {
    const world = newWorld();
    startController(world, 'a');
    await world.clock.advance(10 * MINUTE_MS + 1);
    world.cloud.waiting = 100;
    await world.clock.advance(TICK_MS);
    expect(world.fleet.launches).toHaveLength(1);
    expect(await readReport(world.store.open())).toMatchObject({ target: 1 });
  });

  it('sees an unmanaged worker as soon as there is work', async () => {
    const world = newWorld();
    startController(world, 'a');
    await world.clock.advance(10 * MINUTE_MS + 1);
    const nowMs = world.clock.nowMs();
    const status = { v: 1, id: 'g', state: 'ready', host: 'h', managed: false, pid: 1, boot: {} };
    const counts = { imagesDone: 0, imagesPerSecond: 0, runners: 1, rssBytes: 0, peakRssBytes: 0 };
    const rest = { startedAtMs: nowMs, updatedAtMs: nowMs, models: [], version: '0' };
    const body = Buffer.from(JSON.stringify({ ...status, ...counts, ...rest }));
    await world.store.open().put('fleet/g.json', body);
    world.cloud.waiting = 1;
    await world.clock.advance(TICK_MS);
    expect(world.fleet.launches).toEqual([]);
  });
});

describe('two controllers on AWS', () => {
  /** The first is cut off from the store, not from the fleet, after ten minutes in which it acted. */
  async function cutOffFirst() {
    const world = newWorld();
    const link = { isCut: false };
    const first = startController(world, 'a', () => (link.isCut ? 'before' : undefined));
    await world.clock.advance(1);
    const second = startController(world, 'b');
    await world.clock.advance(10 * MINUTE_MS + 14_000);
    expect([first.epoch, second.epoch]).toEqual([1, undefined]);
    link.isCut = true;
    return { world, link, first, second };
  }

  it('never act at once, and the second acts within 90 s after the first was cut off', async () => {
    const { world, link, first, second } = await cutOffFirst();
    let tookOverMs: number | undefined;
    for (let elapsed = 1; elapsed <= 120; elapsed++) {
      await world.clock.advance(1000);
      expect([first.epoch, second.epoch].filter((epoch) => epoch !== undefined).length).toBeLessThan(2);
      if (second.epoch !== undefined) tookOverMs ??= 1000 * elapsed;
    }
    expect(second.epoch).toBe(2);
    expect(tookOverMs).toBeLessThanOrEqual(90_000);
    link.isCut = false;
    await world.clock.advance(MINUTE_MS);
    expect([first.epoch, second.epoch]).toEqual([undefined, 2]);
  });

  it.each([0, 20, 40, 60, 80])(
    'launch once, soon, for work that arrives %i s after the first was cut off',
    async (afterS) => {
      const { world } = await cutOffFirst();
      await world.clock.advance(1000 * afterS);
      world.cloud.waiting = 100;
      await world.clock.advance(90_000 + 10_000 + 2 * TICK_MS - 1000 * afterS);
      expect(world.fleet.launches).toHaveLength(1);
      await world.clock.advance(2 * MINUTE_MS);
      expect(world.fleet.launches).toHaveLength(1);
    },
  );

  it('do not change places when two renewals in a row fail', async () => {
    const world = newWorld();
    let failures = 0;
    const isHit = (key: string) => key === CONTROLLER_LOCK_KEY && failures-- > 0;
    const first = startController(world, 'a', (key) => (isHit(key) ? 'before' : undefined));
    await world.clock.advance(1);
    const second = startController(world, 'b');
    for (let round = 0; round < 10; round++) {
      await world.clock.advance(MINUTE_MS);
      failures = 2;
      for (let elapsed = 0; elapsed < 45; elapsed++) {
        await world.clock.advance(1000);
        expect([first.epoch, second.epoch]).toEqual([1, undefined]);
      }
    }
  });

  it('a holder whose renewal was written but whose answer was lost continues in its epoch', async () => {
    const world = newWorld();
    let isLost = false;
    const first = startController(world, 'a', () => (isLost ? 'after' : undefined));
    await world.clock.advance(1);
    const second = startController(world, 'b');
    await world.clock.advance(MINUTE_MS);
    isLost = true;
    await world.clock.advance(TIMING.lockRenewEveryMs);
    isLost = false;
    await world.clock.advance(2 * TIMING.lockLookEveryMs);
    expect([first.epoch, second.epoch]).toEqual([1, undefined]);
  });
});

describe('the timing of a controller', () => {
  it.each(Object.entries(CONTROLLER_TIMING))('on %s leaves room', (_, timing) => {
    const { lockTtlMs, lockRenewEveryMs, lockLookEveryMs, reportEveryMs } = timing;
    expect(lockRenewEveryMs + lockLookEveryMs, 'for a renewal that is tried again').toBeLessThan(
      lockTtlMs / 2,
    );
    expect(lockTtlMs + lockLookEveryMs, 'in 90 s for a successor').toBeLessThanOrEqual(90_000);
    expect(lockLateAfterMs(timing)).toBeGreaterThan(lockTtlMs);
    expect(noControllerExitMs(timing), 'for a successor, before workers end').toBeGreaterThan(
      lockTtlMs + lockLookEveryMs,
    );
    expect(reportStaleAfterMs(timing), 'for a report that comes a tick late').toBeGreaterThan(
      reportEveryMs + 2 * TICK_MS,
    );
  });
});

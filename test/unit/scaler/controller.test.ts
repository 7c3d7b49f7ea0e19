import { beforeEach, describe, expect, it } from 'vitest';
import type { QueueDepth } from '../../../src/core/cloud/ports.ts';
import type { ControllerReport, FleetSample, WorkerStatus } from '../../../src/core/fleet/fleet.ts';
import { ImgclsError, InvalidObjectError, NewerVersionError } from '../../../src/core/runtime/errors.ts';
import { noLog } from '../../../src/core/runtime/log.ts';
import { isUnknown, type OrUnknown } from '../../../src/core/runtime/unknown.ts';
import { Controller } from '../../../src/scaler/controller.ts';
import type { FleetDriver, FleetMember } from '../../../src/scaler/fleet.ts';
import { MachineWatch } from '../../../src/scaler/machines.ts';
import type { Observation } from '../../../src/scaler/observation.ts';
import { suspects } from '../../../src/scaler/reap.ts';
import type { WorkerObservation } from '../../../src/scaler/statuses.ts';
import { virtualClock } from '../virtual-clock.ts';

const REPORT_EVERY_MS = 60_000;

/** A cluster in memory: a queue's depth, machines, and the statuses of their workers. */
class World {
  readonly clock = virtualClock();
  depth: OrUnknown<QueueDepth> = { waiting: 0, inFlight: 0, delayed: 0 };
  members: FleetMember[] = [];
  jobs: { id: string; totalImages: number; doneImages: number }[] = [];
  statuses = new Map<string, WorkerObservation>();
  report: ControllerReport | undefined;
  lock: { epoch: number | undefined; isInherited: boolean } = { epoch: 1, isInherited: false };
  ended: string[] = [];
  written: Record<string, number> = {};
  history: readonly FleetSample[] = [];
  beforeLaunch = () => {};
  beforeReport = () => {};
  beforeJobCost = (_job: string) => {};
  beforeReadOfCost = (_job: string) => {};
  readonly #watch = new MachineWatch(this.clock);

  readonly driver: FleetDriver = {
    members: async () => [...this.members],
    launch: async ({ count, decision }) => {
      const ids = Array.from({ length: count }, (_, at) => `i-${decision}-${at}`);
      for (const id of ids)
        this.members.push({ id, state: 'running', launchedAtMs: this.clock.nowMs(), hourlyUsd: 0.36 });
      return { started: ids };
    },
    retire: async (ids) => {
      this.members = this.members.map((each) =>
        ids.includes(each.id) ? { ...each, state: 'draining' } : each,
      );
    },
    terminate: async (ids) => {
      this.ended.push(...ids);
      this.members = this.members.filter(({ id }) => !ids.includes(id));
    },
    hourlyUsd: async () => 0.36,
  };

  async observe(): Promise<Observation> {
    this.beforeLaunch();
    const machines = this.#watch.join(this.members, this.statuses);
    const { depth } = this;
    return {
      snapshot: {
        backlog: isUnknown(depth) ? depth : { ...depth, images: 16 * (depth.waiting + depth.inFlight) },
        machines,
        jobs: this.jobs,
        measured: { imagesPerSecond: 10, bootMs: 70_000 },
        throughputImagesPerSecond: 0,
      },
      arrived: { jobs: 0, ids: [], workMs: 0 },
      members: [...this.members],
      statuses: this.statuses,
      machineObservation: (id) => this.#watch.observationOf(id),
      measured: { imagesPerSecond: 10 },
    };
  }

  controller(): Controller {
    return new Controller({
      lock: this.lock,
      driver: this.driver,
      observer: { observe: () => this.observe(), remember: () => {} },
      reports: {
        read: async () => this.report,
        write: async (report) => {
          this.beforeReport();
          this.report = report;
        },
        readJobCost: async (job) => {
          this.beforeReadOfCost(job);
          return this.written[job];
        },
        writeJobCosts: async (byJobUsd) => {
          for (const [job, usd] of Object.entries(byJobUsd)) {
            this.beforeJobCost(job);
            this.written[job] = usd;
          }
        },
        readHistory: async () => this.history,
        writeHistory: async (history) => {
          this.history = history;
        },
      },
      settings: {
        policy: 'backlog',
        min: 0,
        max: 10,
        maxLaunchPerTick: 100,
        cooldownMs: 10_000,
        idleMs: 5000,
        targetMs: 100_000,
        billingMinimumMs: 60_000,
        hourlyUsd: 0.36,
        maxHourlyCostUsd: undefined,
        maxJobCostUsd: undefined,
      },
      bootDeadlineMs: 600_000,
      reportEveryMs: REPORT_EVERY_MS,
      holder: 'us',
      driverName: 'memory',
      clock: this.clock,
      log: noLog,
    });
  }

  reports(id: string, state: WorkerStatus['state'], over: Partial<WorkerObservation> = {}): void {
    const status: WorkerStatus = {
      v: 1,
      id,
      state,
      host: 'there',
      managed: true,
      pid: 1,
      startedAtMs: this.clock.nowMs(),
      updatedAtMs: this.clock.nowMs(),
      boot: {},
      imagesDone: 0,
      imagesPerSecond: 0,
      runners: 1,
      rssBytes: 0,
      peakRssBytes: 0,
      models: [],
      version: '0',
    };
    this.statuses.set(id, { status, silentForMs: 0, modifiedAtMs: this.clock.nowMs(), isNew: true, ...over });
  }
}

describe('the controller', () => {
  let world: World;
  beforeEach(() => {
    world = new World();
  });
  const work = (messages: number) => {
    world.depth = { waiting: messages, inFlight: 0, delayed: 0 };
  };

  it('reports late launches, each reason once, and the price of a machine', async () => {
    const late = (id: string, lateBecause: string): FleetMember => ({
      id,
      state: 'running',
      launchedAtMs: 0,
      lateBecause,
    });
    world.members = [late('a', 'no capacity'), late('b', 'no capacity'), late('c', 'no image')];
    await world.controller().tick();
    expect(world.report?.warnings).toEqual(
      expect.arrayContaining(['2 not launched yet: no capacity', '1 not launched yet: no image']),
    );
    expect(world.report?.hourlyUsd).toBe(0.36);
  });

  it('reports of how many workers it has not read the newest status', async () => {
    world.reports('a', 'busy');
    world.reports('b', 'busy');
    await world.controller().tick();
    expect(world.report).not.toHaveProperty('unreadStatuses');
    const newest = world.statuses.get('b') as WorkerObservation;
    world.statuses.set('b', { ...newest, unreadForMs: 5000 });
    await world.controller().tick();
    expect(world.report?.unreadStatuses).toBe(1);
  });

  it('launches for waiting work and reports the reason', async () => {
    work(100);
    await world.controller().tick();
    expect(world.members).toHaveLength(4);
    expect(world.report).toMatchObject({ target: 4, epoch: 1, holder: 'us' });
    expect(world.report?.reason).toContain('1600 images');
  });

  it('launches once for the same work, even if it restarts in between', async () => {
    work(100);
    await world.controller().tick();
    world.lock = { epoch: 2, isInherited: false };
    await world.controller().tick();
    expect(world.members).toHaveLength(4);
  });

  it('retires an idle machine in time though the wall clock was set back', async () => {
    work(16);
    const controller = world.controller();
    await controller.tick();
    const [{ id = '' } = {}] = world.members;
    work(0);
    world.reports(id, 'ready');
    await controller.tick();
    const { nowMs } = world.clock;
    world.clock.nowMs = () => nowMs() - 6 * 3_600_000;
    world.clock.advance(70_000);
    await controller.tick();
    expect(world.members).toMatchObject([{ state: 'draining' }]);
  });

  it('grows, works and shrinks to nothing', async () => {
    work(16);
    const controller = world.controller();
    await controller.tick();
    const [{ id = '' } = {}] = world.members;
    world.clock.advance(70_000);
    world.reports(id, 'busy');
    world.depth = { waiting: 0, inFlight: 16, delayed: 0 };
    await controller.tick();
    expect(world.members).toMatchObject([{ state: 'running' }]);
    work(0);
    world.reports(id, 'ready');
    await controller.tick();
    world.clock.advance(5000);
    await controller.tick();
    expect(world.members).toMatchObject([{ state: 'draining' }]);
    expect(world.report?.target).toBe(0);
  });

  it('writes a changed report at once and an unchanged one at intervals', async () => {
    const controller = world.controller();
    const reportedAtMs = async () => {
      await controller.tick();
      return world.report?.updatedAtMs;
    };
    const firstMs = await reportedAtMs();
    world.clock.advance(REPORT_EVERY_MS - 1);
    expect(await reportedAtMs()).toBe(firstMs);
    world.clock.advance(1);
    expect(await reportedAtMs()).toBe(world.clock.nowMs());
    world.clock.advance(1);
    work(1);
    expect(await reportedAtMs()).toBe(world.clock.nowMs());
  });

  it('writes a report again that could not be written', async () => {
    const controller = world.controller();
    world.beforeReport = () => {
      throw new ImgclsError('transient', 'The store is busy.');
    };
    await controller.tick();
    expect(world.report).toBeUndefined();
    world.beforeReport = () => {};
    await controller.tick();
    expect(world.report).toBeDefined();
  });

  it('does nothing without the lock', async () => {
    work(100);
    world.lock.epoch = undefined;
    expect(await world.controller().tick()).toBeUndefined();
    expect(world.members).toEqual([]);
  });

  it('does not act when it loses the lock while it observes', async () => {
    work(100);
    world.beforeLaunch = () => {
      world.lock.epoch = undefined;
    };
    await world.controller().tick();
    expect(world.members).toEqual([]);
    expect(world.report).toBeUndefined();
  });

  it('returns what it did although its report cannot be written', async () => {
    work(100);
    world.beforeReport = () => {
      throw new ImgclsError('transient', 'The store is busy.');
    };
    expect(await world.controller().tick()).toMatchObject({ decision: { launch: 4 } });
    expect(world.members).toHaveLength(4);
  });

  it('uses no decision number twice when its lock had only lapsed', async () => {
    work(16);
    const controller = world.controller();
    await controller.tick();
    world.lock.epoch = undefined;
    await controller.tick();
    world.lock.epoch = 1;
    work(100);
    await controller.tick();
    expect(new Set(world.members.map(({ id }) => id)).size).toBe(4);
  });

  it('waits ten seconds before it launches if the last holder did not release the lock', async () => {
    work(100);
    world.lock.isInherited = true;
    const controller = world.controller();
    await controller.tick();
    expect(world.members).toEqual([]);
    world.clock.advance(10_000);
    await controller.tick();
    expect(world.members).toHaveLength(4);
  });

  it('holds the fleet while the queue cannot be read', async () => {
    work(100);
    const controller = world.controller();
    await controller.tick();
    world.depth = { unknown: 'throttled' };
    world.clock.advance(3_600_000);
    for (const { id } of world.members) world.reports(id, 'ready');
    await controller.tick();
    world.clock.advance(60_000);
    await controller.tick();
    expect(world.members.map(({ state }) => state)).toEqual(Array(4).fill('running'));
    expect(world.report?.reason).toContain('throttled');
  });

  it('ends an instance that never became ready, at the second tick', async () => {
    work(16);
    const controller = world.controller();
    await controller.tick();
    const [{ id = '' } = {}] = world.members;
    await controller.tick();
    world.clock.advance(600_001);
    await controller.tick();
    expect(world.ended).toEqual([]);
    await controller.tick();
    expect(world.ended).toEqual([id]);
  });

  it('reports a machine that cannot be retired, and launches, reaps and reports all the same', async () => {
    world.members = [{ id: 'a', state: 'running', launchedAtMs: 0 }];
    world.driver.retire = async () => {
      throw new ImgclsError('config', 'The group keeps at least 2 instances.', {
        hint: 'Lower its MinSize.',
      });
    };
    const controller = world.controller();
    for (let tick = 0; tick < 30; tick++) {
      world.reports('a', 'ready');
      world.clock.advance(5000);
      const { failures } = (await controller.tick()) ?? {};
      if (tick > 2) expect(failures).toMatchObject([{ verb: 'retire' }]);
    }
    expect(world.report?.warnings).toContain(
      'Failed to retire machines: The group keeps at least 2 instances. Lower its MinSize.',
    );
    work(1000);
    await controller.tick();
    expect(world.members.length).toBeGreaterThan(1);
  });

  it('reports a launch that failed', async () => {
    work(100);
    world.driver.launch = async () => {
      throw new ImgclsError('transient', 'The answer was lost.');
    };
    await world.controller().tick();
    expect(world.report?.warnings).toEqual(['Failed to launch machines: The answer was lost.']);
  });

  it('says in the next report why the last one could not be written', async () => {
    const controller = world.controller();
    world.beforeReport = () => {
      throw new ImgclsError('permanent', 'Access is denied.');
    };
    expect(await controller.tick()).toMatchObject({ failures: [{ verb: 'report' }] });
    world.beforeReport = () => {};
    await controller.tick();
    expect(world.report?.warnings).toEqual(['Failed to write the report: Access is denied.']);
  });

  it('ends no machine while most workers are silent at once, and says why', async () => {
    world.depth = { waiting: 1000, inFlight: 100, delayed: 0 };
    const ids = Array.from({ length: 40 }, (_, n) => `i-${n}`);
    world.members = ids.map((id) => ({ id, state: 'running', launchedAtMs: 0 }));
    const controller = world.controller();
    for (let silentForMs = 0; silentForMs < 600_000; silentForMs += 5000) {
      // They report every 15 s, so they do not fall silent at the same tick.
      ids.forEach(
        (id, n) => void world.reports(id, 'busy', { silentForMs: Math.max(0, silentForMs - 375 * n) }),
      );
      await controller.tick();
      world.clock.advance(5000);
    }
    expect(world.ended).toEqual([]);
    expect(world.report?.warnings.join()).toContain('40 of 40 workers have not reported for 60 s');
  });

  it('ends at most a fifth of the fleet in one tick because of silence', async () => {
    world.depth = { waiting: 1000, inFlight: 100, delayed: 0 };
    const ids = Array.from({ length: 40 }, (_, n) => `i-${n}`);
    world.members = ids.map((id) => ({ id, state: 'running', launchedAtMs: 0 }));
    for (const id of ids) world.reports(id, 'busy');
    const controller = world.controller();
    await controller.tick();
    world.clock.advance(200_000);
    for (const id of ids.slice(0, 15)) world.reports(id, 'busy', { silentForMs: 200_000 });
    await controller.tick();
    const reaped = async () => (await controller.tick())?.reaped.length;
    expect([await reaped(), await reaped()]).toEqual([8, 6]);
  });

  it('ends a single silent machine', async () => {
    world.depth = { waiting: 0, inFlight: 1, delayed: 0 };
    world.members = [{ id: 'a', state: 'running', launchedAtMs: 0 }];
    world.reports('a', 'busy');
    const controller = world.controller();
    await controller.tick();
    world.clock.advance(200_000);
    world.reports('a', 'busy', { silentForMs: 200_000 });
    await controller.tick();
    await controller.tick();
    expect(world.ended).toEqual(['a']);
  });

  it('keeps the healthy one of two workers when the other was killed, so the last images wait for the lease alone', async () => {
    const launchedAtMs = world.clock.nowMs() - 300_000;
    world.members = ['healthy', 'killed'].map((id) => ({ id, state: 'running', launchedAtMs }));
    world.depth = { waiting: 0, inFlight: 1, delayed: 0 };
    const controller = world.controller();
    const leaseMs = 60_000;
    for (let atMs = 0; atMs <= leaseMs; atMs += 5000) {
      world.reports('healthy', 'ready', { silentForMs: atMs % 15_000 });
      world.reports('killed', 'busy', { silentForMs: atMs });
      await controller.tick();
      world.clock.advance(5000);
    }
    expect(world.members.map(({ id, state }) => `${id} ${state}`)).toEqual([
      'healthy running',
      'killed running',
    ]);
  });

  it('does not reap an old machine that it sees for the first time', async () => {
    world.members = [{ id: 'old', state: 'running', launchedAtMs: 0 }];
    const controller = world.controller();
    await controller.tick();
    await controller.tick();
    expect(world.ended).toEqual([]);
  });
});

describe('what a job has cost', () => {
  const busy = () => {
    throw new ImgclsError('transient', 'The store is busy.');
  };

  /** A machine for 100 s at $0.36 an hour costs a cent. The next tick charges it, and then it does not change. */
  async function spendCent() {
    const world = new World();
    world.jobs = [
      { id: 'a', totalImages: 30, doneImages: 0 },
      { id: 'b', totalImages: 10, doneImages: 0 },
    ];
    const controller = world.controller();
    world.depth = { waiting: 16, inFlight: 0, delayed: 0 };
    await controller.tick();
    const [{ id = '' } = {}] = world.members;
    await controller.tick();
    world.reports(id, 'busy');
    world.clock.advance(100_000);
    const worker = world.statuses.get(id);
    if (worker?.status !== undefined) worker.status.imagesByJob = { a: 30, b: 10 };
    return { world, controller };
  }

  it('is the cost of the machines since their launch, in proportion to the images of each job', async () => {
    const { world, controller } = await spendCent();
    await controller.tick();
    expect(world.report?.cost?.totalUsd).toBeCloseTo(0.01, 6);
    expect(world.written.a).toBeCloseTo(0.0075, 6);
    expect(world.written.b).toBeCloseTo(0.0025, 6);
  });

  it('is written by the next tick if the report could not be written', async () => {
    const { world, controller } = await spendCent();
    const before = { ...world.written };
    world.beforeReport = busy;
    await controller.tick();
    expect(world.written).toEqual(before);
    world.beforeReport = () => {};
    await controller.tick();
    expect(world.written.a).toBeCloseTo(0.0075, 6);
  });

  it('is written although that of another job cannot be read', async () => {
    const world = new World();
    world.jobs = [
      { id: 'a', totalImages: 30, doneImages: 0 },
      { id: 'b', totalImages: 10, doneImages: 0 },
    ];
    world.beforeReadOfCost = (job) => {
      if (job === 'a') throw new NewerVersionError('cost of a job', { found: 2, known: 1 });
    };
    world.members = [{ id: 'm', state: 'running', launchedAtMs: world.clock.nowMs(), hourlyUsd: 0.36 }];
    const controller = world.controller();
    await controller.tick();
    await controller.tick();
    expect(world.written).toEqual({ b: expect.closeTo(0.0015, 6) });
  });

  it('is written anew if what is stored is damaged', async () => {
    const world = new World();
    world.jobs = [{ id: 'a', totalImages: 30, doneImages: 0 }];
    world.beforeReadOfCost = () => {
      throw new InvalidObjectError('output', 'jobs/a/cost.json', 'It is not JSON.');
    };
    world.members = [{ id: 'm', state: 'running', launchedAtMs: world.clock.nowMs(), hourlyUsd: 0.36 }];
    const controller = world.controller();
    await controller.tick();
    await controller.tick();
    expect(world.written.a).toBeGreaterThan(0);
  });

  it('is written by the next tick for jobs whose write failed', async () => {
    const { world, controller } = await spendCent();
    world.beforeJobCost = (job) => {
      if (job === 'b') busy();
    };
    await controller.tick();
    expect(world.written.a).toBeCloseTo(0.0075, 6);
    expect(world.written.b).toBeLessThan(0.002);
    world.beforeJobCost = () => {};
    await controller.tick();
    expect(world.written.b).toBeCloseTo(0.0025, 6);
  });
});

describe('the cost of the fleet', () => {
  it('continues from the last controller, including the time without a controller', async () => {
    const world = new World();
    world.depth = { waiting: 16, inFlight: 0, delayed: 0 };
    await world.controller().tick();
    await world.controller().tick();
    world.clock.advance(100_000);
    await world.controller().tick();
    expect(world.report?.cost?.totalUsd).toBeCloseTo(0.01, 6);
  });

  it('since the previous tick is returned by each tick, and adds up to the total', async () => {
    const world = new World();
    world.depth = { waiting: 16, inFlight: 0, delayed: 0 };
    let sumUsd = 0;
    for (let tick = 0; tick < 5; tick++) {
      const { spentUsd } = (await world.controller().tick()) ?? {};
      sumUsd += spentUsd ?? Number.NaN;
      for (const { id } of world.members) world.reports(id, 'busy');
      world.clock.advance(100_000);
    }
    expect(world.report?.cost?.totalUsd).toBeCloseTo(0.04, 6);
    expect(sumUsd).toBeCloseTo(0.04, 6);
  });
});

describe('an idle machine', () => {
  it('has idled only since its last image, even if no tick saw it busy', () => {
    const world = new World();
    const watch = new MachineWatch(world.clock);
    const idleMs = (imagesDone: number) => {
      world.reports('m', 'ready');
      const worker = world.statuses.get('m');
      if (worker?.status !== undefined) worker.status.imagesDone = imagesDone;
      const [machine] = watch.join([{ id: 'm', state: 'running', launchedAtMs: 0 }], world.statuses);
      return machine?.phaseForMs;
    };
    idleMs(1);
    world.clock.advance(50_000);
    expect(idleMs(1)).toBe(50_000);
    expect(idleMs(2)).toBe(0);
  });

  it('is seen no longer than the silence of a worker that has not reported since, however long looks take', () => {
    const world = new World();
    const watch = new MachineWatch(world.clock);
    const members: FleetMember[] = ['idle', 'busy'].map((id) => ({ id, state: 'running', launchedAtMs: 0 }));
    const look = (tookMs: number) => {
      const lists = [...world.statuses].map(([id, worker]) => [id, { ...worker }] as const);
      world.clock.advance(tookMs);
      const [idle, busy] = watch.join(members, new Map(lists));
      return (busy?.silentForMs ?? 0) - (idle?.phaseForMs ?? 0);
    };
    world.reports('idle', 'ready');
    world.reports('busy', 'busy');
    look(0);
    world.clock.advance(5000);
    for (const worker of world.statuses.values()) worker.silentForMs = 5000;
    expect(look(300)).toBeGreaterThanOrEqual(0);
    world.reports('busy', 'busy');
    expect(look(0)).toBeLessThan(0);
  });
});

describe('a machine is lost', () => {
  const member: FleetMember = { id: 'm', state: 'running', launchedAtMs: 0 };
  const ready = { phase: 'idle', phaseSinceMs: 0, firstSeenMs: 0, wasReady: true } as const;
  const lost = (over: Partial<Parameters<typeof suspects>[0]>) =>
    suspects({
      members: [member],
      workers: new Map(),
      machineObservation: () => ready,
      nowMs: 0,
      monotonicMs: 0,
      bootDeadlineMs: 600_000,
      ...over,
    }).map(({ why }) => why);
  const silent = (silentForMs: number) =>
    new Map([['m', { status: undefined, silentForMs, modifiedAtMs: 0, isNew: false }]]);

  it('when its worker has not reported for three minutes', () => {
    expect(lost({ workers: silent(180_001), monotonicMs: 200_000 })).toEqual([
      'its worker has not reported for 180 s',
    ]);
    expect(lost({ workers: silent(179_000), monotonicMs: 200_000 })).toEqual([]);
  });
  it('when it is past its expiry', () => {
    const members = [{ ...member, expiresAtMs: 1000 }];
    expect(lost({ members, workers: silent(0), nowMs: 1001 })).toEqual(['it is past its expiry']);
  });
  it('when its worker ended and the machine still runs', () => {
    expect(lost({ monotonicMs: 180_001 })).toEqual(['its worker ended but the machine still runs']);
  });
  it('but not in the warm pool', () => {
    expect(lost({ members: [{ ...member, state: 'stopped' }], monotonicMs: 1e9 })).toEqual([]);
  });
});

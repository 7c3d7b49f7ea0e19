import { beforeEach, describe, expect, it } from 'vitest';
import type { QueueDepth } from '../../../src/core/cloud/ports.ts';
import type { ControllerReport, FleetSample, WorkerStatus } from '../../../src/core/fleet/fleet.ts';
import { ImgclsError } from '../../../src/core/runtime/errors.ts';
import { noLog } from '../../../src/core/runtime/log.ts';
import { Controller } from '../../../src/scaler/controller.ts';
import type { FleetDriver, FleetMember } from '../../../src/scaler/fleet.ts';
import { MachineWatch } from '../../../src/scaler/machines.ts';
import type { Observation } from '../../../src/scaler/observe.ts';
import { suspects } from '../../../src/scaler/reap.ts';
import { isUnknown, type OrUnknown } from '../../../src/scaler/snapshot.ts';
import type { WorkerObservation } from '../../../src/scaler/statuses.ts';
import { virtualClock } from '../virtual-clock.ts';

const REPORT_EVERY_MS = 60_000;

/** A cluster in memory: a queue's depth, machines, and what their workers say. */
class World {
  readonly clock = virtualClock();
  depth: OrUnknown<QueueDepth> = { waiting: 0, inFlight: 0, delayed: 0 };
  members: FleetMember[] = [];
  statuses = new Map<string, WorkerObservation>();
  report: ControllerReport | undefined;
  lock: { epoch: number | undefined; isInherited: boolean } = { epoch: 1, isInherited: false };
  ended: string[] = [];
  written: Record<string, number> = {};
  history: readonly FleetSample[] = [];
  beforeLaunch = () => {};
  beforeReport = () => {};
  beforeJobCost = (_job: string) => {};
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
        jobs: [],
        measured: { imagesPerSecond: 10, bootMs: 70_000 },
        throughputImagesPerSecond: 0,
      },
      members: this.members,
      statuses: this.statuses,
      sightingOf: (id) => this.#watch.sightingOf(id),
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

  says(id: string, state: WorkerStatus['state'], over: Partial<WorkerObservation> = {}): void {
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

  it('reports what was asked for and does not come, each reason once, and the price of a machine', async () => {
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

  it('launches for the work that waits, and its report says why', async () => {
    work(100);
    await world.controller().tick();
    expect(world.members).toHaveLength(4);
    expect(world.report).toMatchObject({ target: 4, epoch: 1, holder: 'us' });
    expect(world.report?.reason).toContain('1600 images');
  });

  it('launches once for the same work, also when it is restarted in between', async () => {
    work(100);
    await world.controller().tick();
    world.lock = { epoch: 2, isInherited: false };
    await world.controller().tick();
    expect(world.members).toHaveLength(4);
  });

  it('grows, works and shrinks to nothing', async () => {
    work(16);
    const controller = world.controller();
    await controller.tick();
    const [{ id = '' } = {}] = world.members;
    world.clock.advance(70_000);
    world.says(id, 'busy');
    world.depth = { waiting: 0, inFlight: 16, delayed: 0 };
    await controller.tick();
    expect(world.members).toMatchObject([{ state: 'running' }]);
    work(0);
    world.says(id, 'ready');
    await controller.tick();
    world.clock.advance(5000);
    await controller.tick();
    expect(world.members).toMatchObject([{ state: 'draining' }]);
    expect(world.report?.target).toBe(0);
  });

  it('reports at once what is new, and once a while that nothing is', async () => {
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

  it('reports again what could not be written', async () => {
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

  it('acts no more when it loses the lock while it looks', async () => {
    work(100);
    world.beforeLaunch = () => {
      world.lock.epoch = undefined;
    };
    await world.controller().tick();
    expect(world.members).toEqual([]);
    expect(world.report).toBeUndefined();
  });

  it('tells what it did although its report cannot be written', async () => {
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

  it('waits ten seconds before it launches where the last holder never let go', async () => {
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
    for (const { id } of world.members) world.says(id, 'ready');
    await controller.tick();
    world.clock.advance(60_000);
    await controller.tick();
    expect(world.members.map(({ state }) => state)).toEqual(Array(4).fill('running'));
    expect(world.report?.reason).toContain('throttled');
  });

  it('ends an instance that never became ready, at the second look', async () => {
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

  it('gives a machine time that it sees for the first time, however old it says to be', async () => {
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

  /** A machine for 100 s at $0.36 an hour, which is a cent. It is told at the next tick, and changes no more. */
  async function spendCent() {
    const world = new World();
    const controller = world.controller();
    world.depth = { waiting: 16, inFlight: 0, delayed: 0 };
    await controller.tick();
    const [{ id = '' } = {}] = world.members;
    await controller.tick();
    world.says(id, 'busy');
    world.clock.advance(100_000);
    const heard = world.statuses.get(id);
    if (heard?.status !== undefined) heard.status.imagesByJob = { a: 30, b: 10 };
    return { world, controller };
  }

  it('is the time of the machines, in shares of the images that they did, from launch on', async () => {
    const { world, controller } = await spendCent();
    await controller.tick();
    expect(world.report?.cost?.totalUsd).toBeCloseTo(0.01, 6);
    expect(world.written.a).toBeCloseTo(0.0075, 6);
    expect(world.written.b).toBeCloseTo(0.0025, 6);
  });

  it('is written by the next tick where the report before it could not be', async () => {
    const { world, controller } = await spendCent();
    world.beforeReport = busy;
    await controller.tick();
    expect(world.written).toEqual({});
    world.beforeReport = () => {};
    await controller.tick();
    expect(world.written.a).toBeCloseTo(0.0075, 6);
  });

  it('is written by the next tick for the jobs that writing did not get to', async () => {
    const { world, controller } = await spendCent();
    world.beforeJobCost = (job) => {
      if (job === 'b') busy();
    };
    await controller.tick();
    expect(Object.keys(world.written)).toEqual(['a']);
    world.beforeJobCost = () => {};
    await controller.tick();
    expect(world.written.b).toBeCloseTo(0.0025, 6);
  });
});

describe('the money', () => {
  it('is counted on where the last controller left off, its absence included', async () => {
    const world = new World();
    world.depth = { waiting: 16, inFlight: 0, delayed: 0 };
    await world.controller().tick();
    await world.controller().tick();
    world.clock.advance(100_000);
    await world.controller().tick();
    expect(world.report?.cost?.totalUsd).toBeCloseTo(0.01, 6);
  });

  it('that was spent since the tick before is told by each, and adds up to the whole', async () => {
    const world = new World();
    world.depth = { waiting: 16, inFlight: 0, delayed: 0 };
    let sumUsd = 0;
    for (let tick = 0; tick < 5; tick++) {
      const { spentUsd } = (await world.controller().tick()) ?? {};
      sumUsd += spentUsd ?? Number.NaN;
      for (const { id } of world.members) world.says(id, 'busy');
      world.clock.advance(100_000);
    }
    expect(world.report?.cost?.totalUsd).toBeCloseTo(0.04, 6);
    expect(sumUsd).toBeCloseTo(0.04, 6);
  });
});

describe('an idle machine', () => {
  it('has idled only since it last did anything, also where nobody looked while it was busy', () => {
    const world = new World();
    const watch = new MachineWatch(world.clock);
    const look = (imagesDone: number) => {
      world.says('m', 'ready');
      const heard = world.statuses.get('m');
      if (heard?.status !== undefined) heard.status.imagesDone = imagesDone;
      const [machine] = watch.join([{ id: 'm', state: 'running', launchedAtMs: 0 }], world.statuses);
      return machine?.phaseForMs;
    };
    look(1);
    world.clock.advance(50_000);
    expect(look(1)).toBe(50_000);
    expect(look(2)).toBe(0);
  });
});

describe('a machine is lost', () => {
  const member: FleetMember = { id: 'm', state: 'running', launchedAtMs: 0 };
  const ready = { phase: 'idle', phaseSinceMs: 0, firstSeenMs: 0, wasReady: true } as const;
  const lost = (over: Partial<Parameters<typeof suspects>[0]>) =>
    suspects({
      members: [member],
      heard: new Map(),
      sightingOf: () => ready,
      nowMs: 0,
      monotonicMs: 0,
      bootDeadlineMs: 600_000,
      ...over,
    }).map(({ why }) => why);
  const heard = (silentForMs: number) =>
    new Map([['m', { status: undefined, silentForMs, modifiedAtMs: 0, isNew: false }]]);

  it('when its worker has said nothing for three minutes', () => {
    expect(lost({ heard: heard(180_001), monotonicMs: 200_000 })).toEqual([
      'its worker has said nothing for 180 s',
    ]);
    expect(lost({ heard: heard(179_000), monotonicMs: 200_000 })).toEqual([]);
  });
  it('when it outlived its expiry', () => {
    const members = [{ ...member, expiresAtMs: 1000 }];
    expect(lost({ members, heard: heard(0), nowMs: 1001 })).toEqual(['it outlived its expiry']);
  });
  it('when its worker ended and the machine goes on', () => {
    expect(lost({ monotonicMs: 180_001 })).toEqual(['its worker ended and the machine did not']);
  });
  it('not when it is one of the warm pool', () => {
    expect(lost({ members: [{ ...member, state: 'stopped' }], monotonicMs: 1e9 })).toEqual([]);
  });
});

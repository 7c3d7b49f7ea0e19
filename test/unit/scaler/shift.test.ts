/** A controller that lives only while there is work. test/lambda runs it under AWS's own runtime. */
import { describe, expect, it } from 'vitest';
import type { Chore } from '../../../src/core/fleet/chore.ts';
import { CONTROLLER_TIMING } from '../../../src/core/fleet/controller-timing.ts';
import type { ControllerReport } from '../../../src/core/fleet/fleet.ts';
import { isResting } from '../../../src/core/fleet/lock-state.ts';
import { noLog } from '../../../src/core/runtime/log.ts';
import type { Tick } from '../../../src/scaler/controller.ts';
import type { FleetMember } from '../../../src/scaler/fleet.ts';
import { LockKeeper } from '../../../src/scaler/lock.ts';
import { needsController } from '../../../src/scaler/needs-controller.ts';
import { runShift } from '../../../src/scaler/shift.ts';
import type { Machine, ObservedJob } from '../../../src/scaler/snapshot.ts';
import { SteppingClock } from '../worker/stepping-clock.ts';
import { CountingStore, IdleCloud } from './idle-world.ts';

const TIMING = CONTROLLER_TIMING.aws;
const TICK_MS = 5000;
const MINUTE_MS = 60_000;
const RETURNS_AFTER_MS = { 'at rest': 30 * MINUTE_MS, 'time over': 3 * MINUTE_MS, 'not needed': 0 };

class World {
  readonly clock = new SteppingClock();
  readonly store = new CountingStore(this.clock);
  waiting = 0;
  machines: Machine[] = [];
  jobs: ObservedJob[] = [];
  ticks: string[] = [];
  recorded = 0;
  expected: ControllerReport['expected'];
  launchAtMs: number | undefined;
  reports: ControllerReport[] = [];
  chore: Chore = { name: 'chore', everyMs: 10 * MINUTE_MS, run: async () => {} };

  lock(holder: string): LockKeeper {
    const { clock } = this;
    return new LockKeeper({ store: this.store.open(), holder, clock, ttlMs: TIMING.lockTtlMs });
  }

  /** Starts a shift. `done` tells its end, `ended` whether it has ended. */
  start(
    holder: string,
    { limitMs = 15 * MINUTE_MS, expectWorkMs = 0, isDead = (): boolean => false } = {},
  ): { ended: string | undefined } {
    const { clock } = this;
    const lock = this.lock(holder);
    const state: { ended: string | undefined } = { ended: undefined };
    void runShift({
      lock: new Proxy(lock, {
        get: (target, name) => {
          const value = Reflect.get(target, name, target);
          if (typeof value !== 'function') return value;
          return (...args: unknown[]) => (isDead() ? new Promise(() => {}) : value.apply(target, args));
        },
      }),
      controller: { tick: async () => (lock.epoch === undefined ? undefined : this.#tick(holder)) },
      chores: [this.chore],
      timing: TIMING,
      tickMs: TICK_MS,
      untilMs: clock.monotonicMs() + limitMs,
      expectWorkUntilMs: clock.monotonicMs() + expectWorkMs,
      clock,
      random: () => 0,
      log: noLog,
      onTick: () => void this.recorded++,
      onProblem: (error) => expect.fail(String(error)),
      writeReport: async (report) => void this.reports.push(report),
      returnsAfterMs: (end) => RETURNS_AFTER_MS[end],
    }).then(({ end, launchAtMs }) => {
      state.ended = end;
      this.launchAtMs = launchAtMs;
    });
    return state;
  }

  #tick(holder: string): Tick {
    this.ticks.push(holder);
    const backlog = { waiting: this.waiting, inFlight: 0, delayed: 0, images: 0 };
    const { machines, jobs } = this;
    const tick = {
      decision: { target: 0 },
      observation: { snapshot: { backlog, machines, jobs } },
      report: { holder, expected: this.expected },
      failures: [],
    };
    return tick as unknown as Tick;
  }
}

const machine = (phase: Machine['phase'], managed = true): Machine => ({
  id: 'i-1',
  phase,
  phaseForMs: 0,
  ageMs: 0,
  managed,
});
const job = (totalImages?: number): ObservedJob => ({ id: 'job', totalImages, doneImages: 0 });

describe('a shift without work', () => {
  it('runs every chore once, says when it returns, and releases the lock for the next', async () => {
    const world = new World();
    let runs = 0;
    world.chore = { ...world.chore, run: async () => void runs++ };
    const first = world.start('a');
    await world.clock.advance(TICK_MS);
    expect(first.ended).toBe('at rest');
    expect(runs).toBe(1);
    expect(world.recorded).toBe(0);
    expect(isResting(world.reports.at(-1), world.clock.nowMs() + 29 * MINUTE_MS)).toBe(true);
    expect(isResting(world.reports.at(-1), world.clock.nowMs() + 31 * MINUTE_MS)).toBe(false);
    const second = world.start('b');
    await world.clock.advance(TICK_MS);
    expect(second.ended).toBe('at rest');
  });

  it('says when machines must be launched for work that is expected', async () => {
    const world = new World();
    const nextHourMs = 60 * MINUTE_MS;
    world.expected = { launchAtMs: nextHourMs } as ControllerReport['expected'];
    world.start('a');
    await world.clock.advance(TICK_MS);
    expect(world.launchAtMs).toBe(nextHourMs);
  });

  it('sees what its chores have sent before it ends', async () => {
    const world = new World();
    world.chore = {
      ...world.chore,
      run: async () => {
        world.waiting = 1;
      },
    };
    const shift = world.start('a');
    await world.clock.advance(MINUTE_MS);
    expect(shift.ended).toBeUndefined();
  });

  it('stays for work that was announced', async () => {
    const world = new World();
    const shift = world.start('a', { expectWorkMs: MINUTE_MS });
    await world.clock.advance(MINUTE_MS - 1);
    expect(shift.ended).toBeUndefined();
    await world.clock.advance(TICK_MS);
    expect(shift.ended).toBe('at rest');
  });

  it.each([
    ['a stopped machine', (world: World) => world.machines.push(machine('stopped'))],
    ['a worker of somebody else', (world: World) => world.machines.push(machine('idle', false))],
    ['a job whose submitter may be lost', (world: World) => world.jobs.push(job())],
  ])('does not stay for %s', async (_, add) => {
    const world = new World();
    add(world);
    const shift = world.start('a');
    await world.clock.advance(TICK_MS);
    expect(shift.ended).toBe('at rest');
  });
});

describe('a shift with work', () => {
  it.each([
    [
      'messages',
      (world: World) => {
        world.waiting = 1;
      },
      (world: World) => {
        world.waiting = 0;
      },
    ],
    [
      'machines',
      (world: World) => void world.machines.push(machine('draining')),
      (world: World) => {
        world.machines = [];
      },
    ],
    [
      'a job that is not finished',
      (world: World) => void world.jobs.push(job(1)),
      (world: World) => {
        world.jobs = [];
      },
    ],
  ])('goes on while there are %s, and records its ticks', async (_, add, remove) => {
    const world = new World();
    add(world);
    const shift = world.start('a');
    await world.clock.advance(10 * MINUTE_MS);
    expect(shift.ended).toBeUndefined();
    expect(world.recorded).toBe(world.ticks.length);
    remove(world);
    await world.clock.advance(TICK_MS);
    expect(shift.ended).toBe('at rest');
    // The last one says that nothing is left.
    expect(world.recorded).toBe(world.ticks.length);
  });

  it('hands over when its time is over', async () => {
    const world = new World();
    world.waiting = 1;
    const first = world.start('a', { limitMs: MINUTE_MS });
    await world.clock.advance(MINUTE_MS);
    expect(first.ended).toBe('time over');
    expect(isResting(world.reports.at(-1), world.clock.nowMs() + MINUTE_MS)).toBe(true);
    world.start('b');
    await world.clock.advance(0);
    expect(world.ticks.at(-1)).toBe('b');
  });
});

describe('a second shift', () => {
  it('ends at once while the first acts', async () => {
    const world = new World();
    world.waiting = 1;
    world.start('a');
    for (let minute = 0; minute < 5; minute++) {
      await world.clock.advance(MINUTE_MS);
      const second = world.start('b');
      await world.clock.advance(0);
      expect(second.ended).toBe('not needed');
    }
    expect(world.ticks).not.toContain('b');
  });

  it.each([1, 20, 40, 59])(
    'takes over within three minutes after the first was killed %i s before a call',
    async (beforeS) => {
      const world = new World();
      world.waiting = 1;
      let isDead = false;
      world.start('a', { isDead: () => isDead });
      await world.clock.advance(10 * MINUTE_MS);
      isDead = true;
      await world.clock.advance(1000 * beforeS);
      for (let minute = 0; minute < 2; minute++) {
        world.start(`b${minute}`);
        await world.clock.advance(MINUTE_MS);
      }
      world.start('c');
      await world.clock.advance(1000);
      expect(world.ticks.at(-1)).toMatch(/^b|^c/);
    },
  );
});

describe('a look at a cluster at rest', () => {
  const members = (...states: FleetMember['state'][]) => ({
    members: async () => states.map((state, at) => ({ id: `i-${at}`, state, launchedAtMs: 0 })),
  });

  it('finds work in a queue, a machine that costs money, and what cannot be read', async () => {
    const { clock, store } = new World();
    const idle = new IdleCloud(clock, store);
    const cloud = idle.open(store.open());
    expect(await needsController(cloud, members())).toBe(false);
    expect(await needsController(cloud, members('stopped'))).toBe(false);
    expect(await needsController(cloud, members('running'))).toBe(true);
    expect(await needsController(cloud, members('draining'))).toBe(true);
    const failing = {
      members: async () => {
        throw new Error('denied');
      },
    };
    expect(await needsController(cloud, failing)).toBe(true);
    idle.waiting = 1;
    expect(await needsController(cloud, members())).toBe(true);
    expect(store.puts + store.lists + store.gets).toBe(0);
  });
});

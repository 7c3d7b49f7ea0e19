/** Draining a fleet: only with the lock, with few requests, and through transient errors. */
import { describe, expect, it } from 'vitest';
import { CONTROLLER_TIMING } from '../../../src/core/fleet/controller-timing.ts';
import { ImgclsError } from '../../../src/core/runtime/errors.ts';
import { drainFleet } from '../../../src/scaler/drain.ts';
import type { FleetMember } from '../../../src/scaler/fleet.ts';
import { virtualClock } from '../virtual-clock.ts';

const busy = () => new ImgclsError('transient', 'The store is busy.');

/** One machine that works until `endsAtMs`, and a lock that stays held unless a test changes it. */
function newWorld() {
  const clock = virtualClock(0);
  const world = {
    clock,
    endsAtMs: 60_000,
    polls: 0,
    renewals: 0,
    retiredAtMs: [] as number[],
    beforeMembers: () => {},
    onKeep: () => {},
    lock: {
      epoch: 1 as number | undefined,
      async keep() {
        world.renewals++;
        world.onKeep();
      },
    },
    driver: {
      async members(): Promise<FleetMember[]> {
        world.polls++;
        world.beforeMembers();
        return clock.nowMs() < world.endsAtMs ? [{ id: 'm', state: 'running', launchedAtMs: 0 }] : [];
      },
      async retire() {
        world.retiredAtMs.push(clock.nowMs());
      },
    },
    drain: () => drainFleet({ driver: world.driver, lock: world.lock, timing: CONTROLLER_TIMING.aws, clock }),
  };
  return world;
}

describe('a fleet that is drained', () => {
  it('is polled seldom on AWS, while the lock is renewed as usual', async () => {
    const world = newWorld();
    expect(await world.drain()).toBe(true);
    expect(world.polls).toBeLessThanOrEqual(20);
    expect(world.renewals).toBeGreaterThanOrEqual(4);
    expect(world.renewals).toBeLessThanOrEqual(5);
  });

  it('is left to another controller that acquired the lock', async () => {
    const world = newWorld();
    world.onKeep = () => {
      if (world.clock.nowMs() >= 15_000) world.lock.epoch = undefined;
    };
    expect(await world.drain()).toBe(false);
    expect(world.clock.nowMs()).toBeLessThan(30_000);
  });

  it('is not retired while the controller may not act', async () => {
    const world = newWorld();
    const mayAct = () => world.clock.nowMs() < 15_000 || world.clock.nowMs() >= 40_000;
    world.onKeep = () => {
      world.lock.epoch = mayAct() ? 1 : undefined;
      if (!mayAct()) throw busy();
    };
    expect(await world.drain()).toBe(true);
    expect(world.retiredAtMs.filter((atMs) => atMs >= 20_000 && atMs < 40_000)).toEqual([]);
    expect(world.retiredAtMs.some((atMs) => atMs >= 40_000)).toBe(true);
  });

  it('is not retired if the lock was lost while the members were read', async () => {
    const world = newWorld();
    world.beforeMembers = () => {
      world.lock.epoch = undefined;
    };
    expect(await world.drain()).toBe(false);
    expect(world.retiredAtMs).toEqual([]);
  });

  it('is drained although listings and renewals fail at times', async () => {
    const world = newWorld();
    let calls = 0;
    const failEverySecond = () => {
      if (calls++ % 2 === 0) throw busy();
    };
    world.beforeMembers = failEverySecond;
    world.onKeep = failEverySecond;
    expect(await world.drain()).toBe(true);
  });

  it('is looked at again as soon as the driver is told of an end', async () => {
    const { clock, lock, driver, ...world } = newWorld();
    const end = new AbortController();
    const timing = CONTROLLER_TIMING.aws;
    const sleep = (_ms: number, signal?: AbortSignal) =>
      new Promise<void>((resolve) => {
        signal?.addEventListener('abort', () => resolve());
        clock.advance(world.endsAtMs);
        end.abort();
      });
    const told = { ...driver, nextEnd: () => end.signal };
    expect(await drainFleet({ driver: told, lock, timing, clock: { ...clock, sleep } })).toBe(true);
  });

  it('is given ten minutes', async () => {
    const world = newWorld();
    world.endsAtMs = Number.POSITIVE_INFINITY;
    await expect(world.drain()).rejects.toThrow('1 worker did not end within 10 minutes: m.');
  });
});

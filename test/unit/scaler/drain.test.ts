/** How a fleet is drained: under the lock alone, at a pace that AWS is paid for, through faults of the world. */
import { describe, expect, it } from 'vitest';
import { CONTROLLER_TIMING } from '../../../src/core/fleet/controller-timing.ts';
import { ImgclsError } from '../../../src/core/runtime/errors.ts';
import { drainFleet } from '../../../src/scaler/drain.ts';
import type { FleetMember } from '../../../src/scaler/fleet.ts';
import { virtualClock } from '../virtual-clock.ts';

const busy = () => new ImgclsError('transient', 'The store is busy.');

/** One machine that works on until `endsAtMs`, and a lock that is kept as long as nothing is said of it. */
function newWorld() {
  const clock = virtualClock(0);
  const world = {
    clock,
    endsAtMs: 60_000,
    looks: 0,
    renewals: 0,
    retiredAtMs: [] as number[],
    beforeLook: () => {},
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
        world.looks++;
        world.beforeLook();
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
  it('is looked at calmly on AWS, and the lock renewed as it always is', async () => {
    const world = newWorld();
    expect(await world.drain()).toBe(true);
    expect(world.looks).toBeLessThanOrEqual(20);
    expect(world.renewals).toBeGreaterThanOrEqual(4);
    expect(world.renewals).toBeLessThanOrEqual(5);
  });

  it('is left to the controller that has got the lock', async () => {
    const world = newWorld();
    world.onKeep = () => {
      if (world.clock.nowMs() >= 15_000) world.lock.epoch = undefined;
    };
    expect(await world.drain()).toBe(false);
    expect(world.clock.nowMs()).toBeLessThan(30_000);
  });

  it('is not touched by a controller that may not act for now', async () => {
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

  it('is not touched where the lock was lost during the look', async () => {
    const world = newWorld();
    world.beforeLook = () => {
      world.lock.epoch = undefined;
    };
    expect(await world.drain()).toBe(false);
    expect(world.retiredAtMs).toEqual([]);
  });

  it('ends though its listing and the renewals fail now and then', async () => {
    const world = newWorld();
    let calls = 0;
    const failEverySecond = () => {
      if (calls++ % 2 === 0) throw busy();
    };
    world.beforeLook = failEverySecond;
    world.onKeep = failEverySecond;
    expect(await world.drain()).toBe(true);
  });

  it('is given ten minutes', async () => {
    const world = newWorld();
    world.endsAtMs = Number.POSITIVE_INFINITY;
    await expect(world.drain()).rejects.toThrow('1 workers have not ended within ten minutes.');
  });
});

/** Ending a controller whose lock expired while its last tick finished, or was taken by another. */
import { describe, expect, it } from 'vitest';
import { drainAndReleaseLock, releaseLock } from '../../../src/scaler/hand-over.ts';
import { LockKeeper } from '../../../src/scaler/lock.ts';
import { SteppingClock } from '../worker/stepping-clock.ts';
import { CountingStore, type Fault } from './idle-world.ts';

const TTL_MS = 60_000;

async function newWorld() {
  const clock = new SteppingClock();
  const store = new CountingStore(clock);
  const world = { fault: undefined as Fault, drained: 0, clock };
  const keeper = (holder: string, faultOf?: () => Fault) =>
    new LockKeeper({ store: store.open(faultOf), holder, clock, ttlMs: TTL_MS });
  const [lock, other] = [keeper('us', () => world.fault), keeper('other')];
  const endWorkers = async () => {
    world.drained++;
    return true;
  };
  const drain = () => drainAndReleaseLock({ lock, endWorkers, clock });
  await lock.keep();
  return Object.assign(world, { lock, other, drain });
}
type World = Awaited<ReturnType<typeof newWorld>>;

/** Until no controller may act, although the lock in the store still names ours. */
async function lapse({ clock, lock }: World) {
  await clock.advance(TTL_MS / 2);
  expect(lock.epoch).toBeUndefined();
}

async function isFree({ other }: World): Promise<boolean> {
  await other.keep();
  return other.epoch !== undefined;
}

describe('a controller that leaves', () => {
  it('drains although its lock expired before, and releases the lock', async () => {
    const world = await newWorld();
    await lapse(world);
    await world.drain();
    expect(world.drained).toBe(1);
    expect(await isFree(world)).toBe(true);
  });

  it('releases a lock that expired', async () => {
    const world = await newWorld();
    await lapse(world);
    await releaseLock(world);
    expect(await isFree(world)).toBe(true);
  });

  it('fails to drain if another controller has the lock', async () => {
    const world = await newWorld();
    await world.other.keep();
    await world.clock.advance(TTL_MS);
    await world.other.keep();
    await expect(world.drain()).rejects.toThrow('not drained: another controller (other) has the lock');
    expect(world.drained).toBe(0);
  });

  it('retries while the store is busy', async () => {
    const world = await newWorld();
    world.fault = 'before';
    const left = world.drain();
    await world.clock.advance(3000);
    world.fault = undefined;
    await world.clock.advance(3000);
    await left;
    expect(world.drained).toBe(1);
    expect(await isFree(world)).toBe(true);
  });
});

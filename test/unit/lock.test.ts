/** The controller lock where answers are lost and builds differ; what else it promises is in test/integration/lock.test.ts. */
import { describe, expect, it } from 'vitest';
import { LockKeeper } from '../../src/scaler/lock.ts';
import { CountingStore, type Fault } from './idle-world.ts';
import { SteppingClock } from './worker-stepping-clock.ts';

const TTL_MS = 10_000;

function newCluster() {
  const clock = new SteppingClock();
  const store = new CountingStore(clock);
  return {
    clock,
    keeper: (holder: string, { ttlMs = TTL_MS, faultOf }: { ttlMs?: number; faultOf?: () => Fault } = {}) =>
      new LockKeeper({ store: store.open(faultOf), holder, clock, ttlMs }),
  };
}

describe('a controller lock', () => {
  it('is still held at the call after the one whose answer was lost', async () => {
    const cluster = newCluster();
    let fault: Fault;
    const keeper = cluster.keeper('a', { faultOf: () => fault });
    await keeper.keep();
    fault = 'after';
    await expect(keeper.keep()).rejects.toThrow('The answer was lost.');
    fault = undefined;
    await keeper.keep();
    expect(keeper.epoch).toBe(1);
  });

  it('is not taken before its holder stops to act by a build whose locks live shorter', async () => {
    const cluster = newCluster();
    const holder = cluster.keeper('a', { ttlMs: 6 * TTL_MS });
    const challenger = cluster.keeper('b');
    await holder.keep();
    await challenger.keep();
    await cluster.clock.advance(6 * TTL_MS - 1);
    await challenger.keep();
    expect(challenger.epoch).toBeUndefined();
    await cluster.clock.advance(1);
    await challenger.keep();
    expect([holder.epoch, challenger.epoch]).toEqual([undefined, 2]);
  });
});

/** The controller lock when answers are lost and builds differ. test/integration/lock.test.ts has the rest. */
import { describe, expect, it } from 'vitest';
import { readControllerLock } from '../../../src/core/fleet/controller-lock.ts';
import { CONTROLLER_LOCK_KEY } from '../../../src/core/job/keys.ts';
import { LockKeeper, type LockOptions } from '../../../src/scaler/lock.ts';
import { SteppingClock } from '../worker/stepping-clock.ts';
import { CountingStore, type Fault } from './idle-world.ts';

const TTL_MS = 10_000;

function newCluster() {
  const clock = new SteppingClock();
  const store = new CountingStore(clock);
  return {
    clock,
    overwrite: (text: string) => store.open().put(CONTROLLER_LOCK_KEY, Buffer.from(text)),
    recorded: async () => (await readControllerLock(store.open()))?.record,
    keeper: (
      holder: string,
      {
        ttlMs = TTL_MS,
        faultOf,
        processes,
      }: { faultOf?: () => Fault } & Partial<Pick<LockOptions, 'ttlMs' | 'processes'>> = {},
    ) =>
      new LockKeeper({ store: store.open(faultOf), holder, clock, ttlMs, ...(processes && { processes }) }),
  };
}

describe('a controller lock', () => {
  it('is held again at the next call after a renewal whose answer was lost', async () => {
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

  it('is not taken before it expires by a build with a shorter time to live', async () => {
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

  it('is taken at once from a process that has ended, without a wait before launches', async () => {
    const cluster = newCluster();
    const ended = new Set<number>();
    const processOf = (pid: number): Pick<LockOptions, 'processes'> => ({
      processes: { own: { machine: 'm', pid }, hasEnded: (other) => ended.has(other.pid) },
    });
    const holder = cluster.keeper('a', processOf(1));
    const challenger = cluster.keeper('b', processOf(2));
    await holder.keep();
    await challenger.keep();
    expect(challenger.epoch).toBeUndefined();
    ended.add(1);
    await challenger.keep();
    expect([challenger.epoch, challenger.isInherited]).toEqual([2, false]);
    // The record names the new holder's process, and none once it is released.
    expect(await cluster.recorded()).toMatchObject({ holder: 'b', process: { pid: 2 } });
    await challenger.release();
    expect(await cluster.recorded()).not.toHaveProperty('process');
  });

  it('that another program overwrote is replaced by its holder at once', async () => {
    const cluster = newCluster();
    const [holder, challenger] = [cluster.keeper('a'), cluster.keeper('b')];
    await holder.keep();
    await cluster.overwrite('no lock');
    await challenger.keep();
    await holder.keep();
    expect([holder.epoch, challenger.epoch]).toEqual([2, undefined]);
    await challenger.keep();
    expect(await cluster.recorded()).toMatchObject({ holder: 'a', epoch: 2 });
  });

  it('that another program overwrote is taken by a challenger when any holder must have stopped', async () => {
    const cluster = newCluster();
    const holder = cluster.keeper('a');
    await holder.keep();
    await cluster.clock.advance(TTL_MS - 1);
    await cluster.overwrite('{"v":1}');
    const challenger = cluster.keeper('b');
    for (const keeper of [challenger, holder]) await keeper.keep();
    expect([holder.epoch, challenger.epoch]).toEqual([undefined, undefined]);
    await cluster.clock.advance(TTL_MS);
    await challenger.keep();
    // More than any epoch so far, as launches are identified by it.
    expect(challenger.epoch).toBeGreaterThan(1);
    expect(challenger.isInherited).toBe(true);
  });

  it('that another program overwrote stays with the controller that replaces it during a read', async () => {
    const clock = new SteppingClock();
    const store = new CountingStore(clock).open();
    const put = (text: string) => store.put(CONTROLLER_LOCK_KEY, Buffer.from(text));
    let afterRead = async () => {};
    const get: typeof store.get = async (key) => {
      const found = await store.get(key);
      await afterRead();
      return found;
    };
    const holder = new LockKeeper({ store: { ...store, get }, holder: 'a', clock, ttlMs: TTL_MS });
    await holder.keep();
    await put('no lock');
    afterRead = async () => void (await put('{"v":1,"holder":"b","epoch":2,"renewals":0}'));
    await holder.keep();
    expect(holder.epoch).toBeUndefined();
    expect((await readControllerLock(store))?.record).toMatchObject({ holder: 'b', epoch: 2 });
  });

  it('of a newer imgcls is left alone', async () => {
    const cluster = newCluster();
    await cluster.overwrite('{"v":2}');
    const keeper = cluster.keeper('a');
    await expect(keeper.keep()).rejects.toThrow(/controller lock has format 2/);
    await cluster.clock.advance(TTL_MS);
    await expect(keeper.keep()).rejects.toThrow(/controller lock has format 2/);
  });

  it('must expire if its holder or its challenger names no process', async () => {
    const cluster = newCluster();
    const processes = { own: { machine: 'm', pid: 1 }, hasEnded: () => true };
    const unnamed = cluster.keeper('a');
    const named = cluster.keeper('b', { processes });
    await unnamed.keep();
    await named.keep();
    expect(named.epoch).toBeUndefined();
    await unnamed.release();
    await named.keep();
    const other = cluster.keeper('c');
    await other.keep();
    expect([named.epoch, other.epoch]).toEqual([2, undefined]);
  });
});

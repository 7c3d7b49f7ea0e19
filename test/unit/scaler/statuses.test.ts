import { beforeEach, describe, expect, it } from 'vitest';
import type { ListedObject, Store } from '../../../src/core/cloud/ports.ts';
import type { WorkerState } from '../../../src/core/fleet/fleet.ts';
import { MachineWatch } from '../../../src/scaler/machines.ts';
import { suspects } from '../../../src/scaler/reap.ts';
import { type WorkerObservation, WorkerStatusReader } from '../../../src/scaler/statuses.ts';
import { virtualClock } from '../virtual-clock.ts';

const TICK_MS = 5000;

interface Stored {
  state: WorkerState;
  etag: number;
  modifiedAtMs: number;
  bytes: number;
}

/** The statuses of a fleet in a bucket that counts how many are read, and how many at once. */
class Fleet {
  readonly clock = virtualClock();
  readonly reads: string[] = [];
  mostAtOnce = 0;
  #open = 0;
  readonly #stored = new Map<string, Stored>();

  write(ids: readonly string[], state: WorkerState = 'busy', bytes = 1000): void {
    for (const id of ids) {
      const etag = (this.#stored.get(id)?.etag ?? 0) + 1;
      this.#stored.set(id, { state, etag, modifiedAtMs: this.clock.nowMs(), bytes });
    }
  }

  reader(): WorkerStatusReader {
    const store: Pick<Store, 'bucket' | 'list' | 'get'> = {
      bucket: 'output',
      list: () => this.#list(),
      get: async (key) => {
        this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#open);
        await new Promise(setImmediate);
        this.#open--;
        const id = key.slice('fleet/'.length, -'.json'.length);
        this.reads.push(id);
        return { info: this.#info(id), body: Buffer.from(this.#text(id)) };
      },
    };
    return new WorkerStatusReader(store as Store, this.clock);
  }

  async *#list(): AsyncGenerator<ListedObject> {
    for (const id of this.#stored.keys()) yield this.#info(id);
  }

  #info(id: string): ListedObject {
    const { etag, modifiedAtMs, bytes } = this.#stored.get(id) as Stored;
    return { key: `fleet/${id}.json`, etag: String(etag), bytes, modifiedAtMs };
  }

  #text(id: string): string {
    return JSON.stringify({
      v: 1,
      id,
      state: this.#stored.get(id)?.state,
      host: 'h',
      managed: true,
      pid: 1,
      startedAtMs: 0,
      updatedAtMs: 0,
      boot: {},
      imagesDone: 1,
      imagesPerSecond: 10,
      runners: 1,
      rssBytes: 0,
      peakRssBytes: 0,
      models: [],
      version: '0',
    });
  }
}

const workers = (count: number, from = 0) => Array.from({ length: count }, (_, n) => `i-${from + n}`);

let fleet: Fleet;
beforeEach(() => {
  fleet = new Fleet();
});

describe('a look at 3,000 workers', () => {
  it('reads all statuses the first time, 64 at once, and a thousand of those that changed later', async () => {
    const reader = fleet.reader();
    fleet.write(workers(3000));
    expect((await reader.read()).size).toBe(3000);
    expect([fleet.reads.length, fleet.mostAtOnce]).toEqual([3000, 64]);
    fleet.reads.length = 0;
    fleet.write(workers(3000));
    const observed = await reader.read();
    expect(fleet.reads).toHaveLength(1000);
    expect([...observed.values()].filter(({ isNew }) => isNew)).toHaveLength(1000);
  });

  it('leaves out no status for good, and knows of each worker at every look that it lives', async () => {
    const reader = fleet.reader();
    const ids = workers(3000);
    fleet.write(ids);
    await reader.read();
    fleet.reads.length = 0;
    for (let look = 1; look <= 3; look++) {
      fleet.clock.advance(TICK_MS);
      fleet.write(ids);
      const observed = await reader.read();
      expect([...observed.values()].every(({ silentForMs }) => silentForMs === 0)).toBe(true);
    }
    expect(fleet.reads).toHaveLength(3000);
    expect(new Set(fleet.reads).size).toBe(3000);
  });

  it('reads three thousand of 5,000 the first time, and knows all two looks later', async () => {
    const reader = fleet.reader();
    const ids = workers(5000);
    fleet.write(ids);
    const found: string[] = [];
    const perLook: number[] = [];
    for (let look = 1; look <= 3; look++) {
      const before = fleet.reads.length;
      const observed = await reader.read();
      perLook.push(fleet.reads.length - before);
      expect(observed.size).toBe(5000);
      found.push(...[...observed].filter(([, { isFound }]) => isFound).map(([id]) => id));
      fleet.clock.advance(TICK_MS);
      fleet.write(ids);
    }
    expect(perLook).toEqual([3000, 1000, 1000]);
    // Each was there before the first look, so what it has done until it is read is no news.
    expect([found.length, new Set(found).size]).toEqual([5000, 5000]);
  });

  it('takes for news what a worker has done that came after the first look', async () => {
    const reader = fleet.reader();
    fleet.write(['old']);
    await reader.read();
    fleet.write(['old', 'new']);
    const observed = await reader.read();
    expect([...observed.values()].map(({ isFound }) => isFound)).toEqual([undefined, undefined]);
  });

  it('reads first what was never read, and what boots or stops more often than the rest', async () => {
    const reader = fleet.reader();
    const old = workers(1200);
    const booting = workers(100, 4000);
    fleet.write(old);
    fleet.write(booting, 'booting');
    await reader.read();
    const timesRead = (ids: readonly string[]) => {
      const counted = new Set(ids);
      return fleet.reads.filter((id) => counted.has(id)).length;
    };
    fleet.reads.length = 0;
    const added = workers(500, 5000);
    fleet.write([...old, ...added]);
    fleet.write(booting, 'booting');
    fleet.clock.advance(TICK_MS);
    await reader.read();
    expect([timesRead(added), timesRead(booting)]).toEqual([500, 100]);
  });

  it('does not keep more than 64 MB of statuses, and still reads the others', async () => {
    const reader = fleet.reader();
    fleet.write(['usual']);
    fleet.write(workers(2100), 'busy', 64 * 1024);
    const observed = await reader.read();
    expect(fleet.reads).toHaveLength(1024);
    expect(observed.size).toBe(2101);
    fleet.reads.length = 0;
    fleet.write(['usual']);
    await reader.read();
    expect(fleet.reads).toEqual(['usual']);
  });
});

describe('a worker whose status was not read', () => {
  const member = (id: string) => ({ id, state: 'running' as const, launchedAtMs: 0 });

  /** 1,001 workers appear together after the first look, one more than a look reads. */
  async function crowd() {
    const reader = fleet.reader();
    const watch = new MachineWatch(fleet.clock);
    await reader.read();
    const members = workers(1001).map(member);
    watch.join(members, new Map());
    fleet.write(workers(1001));
    const observed = await reader.read();
    const machines = watch.join(members, observed);
    const unread = [...observed].find(([, { status }]) => status === undefined)?.[0] ?? '';
    return { reader, watch, members, observed, machines, unread };
  }

  it('counts as booting if its machine did, and as busy otherwise', async () => {
    const { machines, observed, unread } = await crowd();
    expect(machines.find(({ id }) => id === unread)?.phase).toBe('booting');
    const other = new MachineWatch(fleet.clock).join([member(unread)], observed);
    expect(other).toMatchObject([{ phase: 'busy' }]);
  });

  it('idles if no queue has a message', async () => {
    const { observed, unread } = await crowd();
    const watch = new MachineWatch(fleet.clock);
    expect(watch.join([member(unread)], observed, 1)).toMatchObject([{ phase: 'busy' }]);
    expect(watch.join([member(unread)], observed, 0)).toMatchObject([{ phase: 'idle' }]);
    expect(watch.observationOf(unread)?.wasReady).toBe(false);
  });

  it('is not dead: its machine is not ended as silent or late', async () => {
    const { watch, members, observed, unread } = await crowd();
    fleet.clock.advance(3_600_000);
    const found = suspects({
      members: members.filter(({ id }) => id === unread),
      workers: new Map([[unread, { ...(observed.get(unread) as WorkerObservation), silentForMs: 0 }]]),
      machineObservation: (id) => watch.observationOf(id),
      nowMs: fleet.clock.nowMs(),
      monotonicMs: fleet.clock.monotonicMs(),
      bootDeadlineMs: 600_000,
    });
    expect(found).toEqual([]);
  });

  it('idles only as long as is known: until it wrote a status that was not read', async () => {
    const watch = new MachineWatch(fleet.clock);
    const ids = workers(2100);
    fleet.write(ids, 'ready');
    const reader = fleet.reader();
    watch.join(ids.map(member), await reader.read());
    fleet.clock.advance(TICK_MS);
    fleet.write(ids, 'ready');
    await reader.read();
    fleet.clock.advance(TICK_MS);
    const observed = await reader.read();
    const machines = watch.join(ids.map(member), observed);
    const idleMs = (isRead: boolean) =>
      machines
        .filter(({ id }) => (observed.get(id)?.unreadForMs === undefined) === isRead)
        .map(({ phaseForMs }) => phaseForMs);
    expect(new Set(idleMs(true))).toEqual(new Set([2 * TICK_MS]));
    expect(new Set(idleMs(false))).toEqual(new Set([TICK_MS]));
  });
});

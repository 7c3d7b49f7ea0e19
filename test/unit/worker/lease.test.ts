import { beforeEach, describe, expect, it } from 'vitest';
import { ImgclsError } from '../../../src/core/runtime/errors.ts';
import { LeaseKeeper } from '../../../src/worker/messages/lease.ts';
import { SteppingClock } from './stepping-clock.ts';

const LEASE_MS = 60_000;
const log = { debug() {}, info() {}, warn() {}, error() {} };

/** A queue that records until when each message is hidden. */
class FakeQueue {
  readonly hiddenUntilMs = new Map<string, number>();
  readonly #clock: SteppingClock;
  failing = false;
  calls = 0;
  hold: Promise<void> | undefined;

  constructor(clock: SteppingClock) {
    this.#clock = clock;
  }

  receive(receipt: string): void {
    this.hiddenUntilMs.set(receipt, this.#clock.nowMs() + LEASE_MS);
  }

  async extend(receipts: readonly string[], leaseMs: number): Promise<string[]> {
    this.calls++;
    await this.hold;
    if (this.failing) throw new ImgclsError('transient', 'The queue is down.');
    const nowMs = this.#clock.nowMs();
    const lost = receipts.filter((receipt) => (this.hiddenUntilMs.get(receipt) ?? 0) <= nowMs);
    for (const receipt of receipts) {
      if (!lost.includes(receipt)) this.hiddenUntilMs.set(receipt, nowMs + leaseMs);
    }
    return lost;
  }
}

describe('the lease keeper', () => {
  let clock: SteppingClock;
  let queue: FakeQueue;
  let keeper: LeaseKeeper;
  let lost: string[];
  beforeEach(() => {
    clock = new SteppingClock();
    queue = new FakeQueue(clock);
    keeper = new LeaseKeeper({ queue, clock, log, leaseMs: LEASE_MS });
    lost = [];
  });
  const hold = (receipt: string) => {
    queue.receive(receipt);
    keeper.hold(receipt, () => lost.push(receipt));
  };

  it('keeps held messages hidden, all of them with one call', async () => {
    hold('a');
    await clock.advance(19_000);
    hold('b');
    for (let minutes = 0; minutes < 60; minutes++) {
      await clock.advance(60_000);
      for (const untilMs of queue.hiddenUntilMs.values()) expect(untilMs).toBeGreaterThan(clock.nowMs());
    }
    expect(lost).toEqual([]);
    expect(queue.calls).toBe(Math.floor((60 * 60_000 + 19_000) / 20_000));
    await keeper.stop();
  });

  it('makes no request while no message is held', async () => {
    await clock.advance(LEASE_MS * 10);
    expect(queue.calls).toBe(0);
    await keeper.stop();
  });

  it('reports a lost lease once, and extends it no more', async () => {
    hold('a');
    hold('b');
    queue.hiddenUntilMs.delete('a');
    await clock.advance(LEASE_MS * 2);
    expect(lost).toEqual(['a']);
    expect(queue.hiddenUntilMs.has('a')).toBe(false);
    await keeper.stop();
  });

  it('keeps a lease although the queue is down for most of it', async () => {
    hold('a');
    queue.failing = true;
    await clock.advance(50_000);
    queue.failing = false;
    await clock.advance(LEASE_MS);
    expect(lost).toEqual([]);
    expect(queue.hiddenUntilMs.get('a')).toBeGreaterThan(clock.nowMs());
    await keeper.stop();
  });

  it('releases a message only once no extension can hide it again', async () => {
    hold('a');
    const { promise, resolve } = Promise.withResolvers<void>();
    queue.hold = promise;
    await clock.advance(20_000);
    expect(queue.calls).toBe(1);
    let released = false;
    const releasing = keeper.release('a').then(() => {
      released = true;
    });
    await clock.advance(0);
    expect(released).toBe(false);
    resolve();
    await releasing;
    await clock.advance(LEASE_MS * 2);
    expect(queue.calls).toBe(1);
    await keeper.stop();
  });

  it('does not report a lease as lost when the message was deleted during its extension', async () => {
    hold('a');
    const { promise, resolve } = Promise.withResolvers<void>();
    queue.hold = promise;
    await clock.advance(20_000);
    const releasing = keeper.release('a');
    queue.hiddenUntilMs.delete('a');
    resolve();
    await releasing;
    expect(lost).toEqual([]);
    await keeper.stop();
  });

  it('leaves no timer when it stops', async () => {
    hold('a');
    await keeper.stop();
    expect(clock.sleeping).toBe(0);
  });
});

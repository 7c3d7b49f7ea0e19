import { describe, expect, it } from 'vitest';
import { Budget } from '../../../src/core/runtime/budget.ts';
import { ExclusiveGate } from '../../../src/worker/messages/exclusive-gate.ts';
import { attributeCrash, CLEAN, type DeathCause } from '../../../src/worker/runners/crash-attribution.ts';
import { ChunkQueue, type Work } from '../../../src/worker/runners/image-queue.ts';

const never = new AbortController().signal;

/** Whether it has settled by now. */
async function isDone(promise: Promise<unknown>): Promise<boolean> {
  const notYet = Symbol();
  const later = new Promise((resolve) => setImmediate(() => resolve(notYet)));
  return (await Promise.race([promise, later])) !== notYet;
}

describe('an image that was alone in a runner that ended', () => {
  const verdictAfter = (...causes: DeathCause[]) => {
    let record = CLEAN;
    let verdict: string | undefined;
    for (const cause of causes) ({ record, verdict } = attributeCrash(record, cause));
    return verdict;
  };
  it.each([
    [['crash'], undefined],
    [['crash', 'crash'], 'worker_crash'],
    [['timeout'], undefined],
    [['timeout', 'timeout'], 'deadline'],
    [['crash', 'timeout'], undefined],
    [['crash', 'timeout', 'crash'], 'worker_crash'],
    [['timeout', 'crash', 'timeout'], 'deadline'],
  ] as [DeathCause[], string | undefined][])('after %j gets %s', (causes, verdict) => {
    expect(verdictAfter(...causes)).toBe(verdict);
  });
});

describe('the queue of images', () => {
  const work = (order: number, sha256 = 'a', topK = 5): Work => ({
    image: new Uint8Array(),
    model: { dir: sha256, sha256 },
    topK,
    order,
  });
  const orders = (taken: Work[]) => taken.map(({ order }) => order);

  it('gives earlier batches first, whenever their images come', () => {
    const queue = new ChunkQueue<Work>();
    for (const order of [2, 1, 3, 1, 2]) queue.add(work(order));
    expect(orders(queue.take(3))).toEqual([1, 1, 2]);
    expect(orders(queue.take(8))).toEqual([2, 3]);
    expect(queue.take(8)).toEqual([]);
  });

  it('puts only images of one model and one number of classes together', () => {
    const queue = new ChunkQueue<Work>();
    for (const one of [work(1), work(2, 'b'), work(3, 'b', 1), work(4, 'b', 1)]) queue.add(one);
    expect([queue.take(8), queue.take(8), queue.take(8)].map(orders)).toEqual([[1], [2], [3, 4]]);
  });

  it('gives no image that was taken back', () => {
    const queue = new ChunkQueue<Work>();
    const [kept, gone] = [work(1), work(2)];
    queue.add(kept);
    queue.add(gone);
    expect([queue.remove(gone), queue.remove(gone)]).toEqual([true, false]);
    expect(queue.takeAll()).toEqual([kept]);
  });
});

describe('a budget', () => {
  it('is never exceeded, and given out in the order of asking', async () => {
    const budget = new Budget(10);
    await budget.take(6, never);
    const large = budget.take(8, never);
    const small = budget.take(1, never);
    expect(budget.tryTake(1)).toBe(false);
    expect([await isDone(large), await isDone(small)]).toEqual([false, false]);
    budget.give(6);
    await Promise.all([large, small]);
    expect(budget.used).toBe(9);
  });

  it('gives what is larger than all of it once nobody else has any', async () => {
    const budget = new Budget(10);
    await budget.take(1, never);
    const huge = budget.take(50, never);
    expect(await isDone(huge)).toBe(false);
    budget.give(1);
    await huge;
    expect(budget.used).toBe(50);
  });

  it('forgets who gave up, and lets the next one in', async () => {
    const budget = new Budget(10);
    await budget.take(9, never);
    const giveUp = new AbortController();
    const large = budget.take(5, giveUp.signal);
    const small = budget.take(1, never);
    giveUp.abort(new Error('given up'));
    await expect(large).rejects.toThrow('given up');
    await small;
    expect(budget.used).toBe(10);
  });
});

describe('turns', () => {
  it('are together, except for those that ask to be alone', async () => {
    const turns = new ExclusiveGate();
    const endFirst = await turns.take(false, never);
    const endSecond = await turns.take(false, never);
    const alone = turns.take(true, never);
    const third = turns.take(false, never);
    endFirst();
    expect(await isDone(alone)).toBe(false);
    endSecond();
    const endAlone = await alone;
    expect(await isDone(third)).toBe(false);
    endAlone();
    await third;
  });

  it('come to those behind one who gave up waiting', async () => {
    const turns = new ExclusiveGate();
    await turns.take(false, never);
    const giveUp = new AbortController();
    const alone = turns.take(true, giveUp.signal);
    const next = turns.take(false, never);
    giveUp.abort(new Error('given up'));
    await expect(alone).rejects.toThrow('given up');
    await next;
  });
});

import { describe, expect, it } from 'vitest';
import { Budget } from '../../../src/core/runtime/budget.ts';
import { ExclusiveGate } from '../../../src/core/runtime/exclusive-gate.ts';
import { attributeCrash, CLEAN, type DeathCause } from '../../../src/worker/runners/crash-attribution.ts';
import { ImageQueue, type Work } from '../../../src/worker/runners/image-queue.ts';

const never = new AbortController().signal;

/** Whether it has settled by now. */
async function isDone(promise: Promise<unknown>): Promise<boolean> {
  const notYet = Symbol();
  const later = new Promise((resolve) => setImmediate(() => resolve(notYet)));
  return (await Promise.race([promise, later])) !== notYet;
}

describe('an image that was alone in a runner that ended', () => {
  const errorCodeAfter = (...causes: DeathCause[]) => {
    let record = CLEAN;
    let errorCode: string | undefined;
    for (const cause of causes) ({ record, errorCode } = attributeCrash(record, cause));
    return errorCode;
  };
  it.each([
    [['crash'], undefined],
    [['crash', 'crash'], 'worker_crash'],
    [['timeout'], undefined],
    [['timeout', 'timeout'], 'deadline'],
    [['crash', 'timeout'], undefined],
    [['crash', 'timeout', 'crash'], 'worker_crash'],
    [['timeout', 'crash', 'timeout'], 'deadline'],
  ] as [DeathCause[], string | undefined][])('after %j gets %s', (causes, errorCode) => {
    expect(errorCodeAfter(...causes)).toBe(errorCode);
  });
});

describe('the queue of images', () => {
  const work = (turn: number, sha256 = 'a', topK = 5): Work => ({
    image: new Uint8Array(),
    model: { dir: sha256, sha256 },
    topK,
    turn,
  });
  const turns = (taken: Work[]) => taken.map(({ turn }) => turn);

  it('gives earlier turns first, in whatever order their images arrive', () => {
    const queue = new ImageQueue<Work>();
    for (const turn of [2, 1, 3, 1, 2]) queue.add(work(turn));
    expect(turns(queue.take(3))).toEqual([1, 1, 2]);
    expect(turns(queue.take(8))).toEqual([2, 3]);
    expect(queue.take(8)).toEqual([]);
  });

  it('puts only images with the same model and number of labels together', () => {
    const queue = new ImageQueue<Work>();
    for (const one of [work(1), work(2, 'b'), work(3, 'b', 1), work(4, 'b', 1)]) queue.add(one);
    expect([queue.take(8), queue.take(8), queue.take(8)].map(turns)).toEqual([[1], [2], [3, 4]]);
  });

  it('gives no image that was removed', () => {
    const queue = new ImageQueue<Work>();
    const [kept, removed] = [work(1), work(2)];
    queue.add(kept);
    queue.add(removed);
    expect([queue.remove(removed), queue.remove(removed)]).toEqual([true, false]);
    expect(queue.takeAll()).toEqual([kept]);
  });
});

describe('a budget', () => {
  it('is never exceeded, and granted in the order of the requests', async () => {
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

  it('grants more than its whole size once it is unused', async () => {
    const budget = new Budget(10);
    await budget.take(1, never);
    const huge = budget.take(50, never);
    expect(await isDone(huge)).toBe(false);
    budget.give(1);
    await huge;
    expect(budget.used).toBe(50);
  });

  it('forgets a request that was aborted, and grants the next one', async () => {
    const budget = new Budget(10);
    await budget.take(9, never);
    const abort = new AbortController();
    const large = budget.take(5, abort.signal);
    const small = budget.take(1, never);
    abort.abort(new Error('aborted'));
    await expect(large).rejects.toThrow('aborted');
    await small;
    expect(budget.used).toBe(10);
  });
});

describe('the exclusive gate', () => {
  it('admits shared batches together, and an exclusive one alone', async () => {
    const gate = new ExclusiveGate();
    const leaveFirst = await gate.enter('shared', never);
    const leaveSecond = await gate.enter('shared', never);
    const exclusive = gate.enter('exclusive', never);
    const third = gate.enter('shared', never);
    leaveFirst();
    expect(await isDone(exclusive)).toBe(false);
    leaveSecond();
    const leaveExclusive = await exclusive;
    expect(await isDone(third)).toBe(false);
    leaveExclusive();
    await third;
  });

  it('admits the batches behind one that stopped waiting', async () => {
    const gate = new ExclusiveGate();
    await gate.enter('shared', never);
    const abort = new AbortController();
    const exclusive = gate.enter('exclusive', abort.signal);
    const next = gate.enter('shared', never);
    abort.abort(new Error('aborted'));
    await expect(exclusive).rejects.toThrow('aborted');
    await next;
  });
});

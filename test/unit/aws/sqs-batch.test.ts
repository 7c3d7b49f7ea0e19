import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { callInBatches, splitEntries } from '../../../src/aws/sqs-batch.ts';

const entriesOf = (sizes: number[]) => sizes.map((bytes, n) => ({ id: String(n), bytes }));

/** A clock that records its sleeps. */
function timing(random = 0.5) {
  const slept: number[] = [];
  return {
    slept,
    random: () => random,
    clock: { nowMs: () => 0, sleep: async (ms: number) => void slept.push(ms) },
  };
}

describe('batches of SQS', () => {
  it('keep the limits, the order and every entry', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 300_000 })), (sizes) => {
        const entries = entriesOf(sizes);
        const batches = splitEntries(entries);
        expect(batches.flat()).toEqual(entries);
        for (const batch of batches) {
          expect(batch.length).toBeLessThanOrEqual(10);
          expect(batch.length).toBeGreaterThan(0);
          const bytes = batch.reduce((sum, each) => sum + each.bytes, 0);
          expect(batch.length === 1 || bytes <= 262_144).toBe(true);
        }
      }),
    );
  });

  it('are as full as possible', () => {
    expect(splitEntries(entriesOf(Array(25).fill(1))).map(({ length }) => length)).toEqual([10, 10, 5]);
    expect(splitEntries(entriesOf([262_144, 1, 262_143, 1])).map(({ length }) => length)).toEqual([1, 2, 1]);
  });

  it('count an entry that the response does not name as failed', async () => {
    const calls: string[][] = [];
    const refused = await callInBatches('x', entriesOf([1, 1]), timing(), undefined, async (batch) => {
      calls.push(batch.map(({ id }) => id));
      return { Successful: [{ Id: calls.length === 1 ? '0' : '1' }] };
    });
    expect(refused).toEqual([]);
    expect(calls).toEqual([['0', '1'], ['1']]);
  });

  it('are retried with growing pauses, a limited number of times', async () => {
    const time = timing();
    const Failed = [{ Id: '0', Code: 'InternalError', SenderFault: false }];
    await expect(
      callInBatches('x', entriesOf([1]), time, undefined, async () => ({ Failed })),
    ).rejects.toMatchObject({ kind: 'transient', message: expect.stringContaining('InternalError') });
    expect(time.slept).toEqual([100, 200, 400, 800, 1_600, 3_200]);
  });

  it('are retried after throttling even if the service reports a sender fault', async () => {
    let calls = 0;
    const refused = await callInBatches('x', entriesOf([1]), timing(), undefined, async () => {
      calls += 1;
      return calls === 1
        ? { Failed: [{ Id: '0', Code: 'AWS.SimpleQueueService.RequestThrottled', SenderFault: true }] }
        : { Successful: [{ Id: '0' }] };
    });
    expect(refused).toEqual([]);
  });

  it('are not started after one has failed, and those in progress are awaited', async () => {
    let started = 0;
    let ended = 0;
    const failing = callInBatches('x', entriesOf(Array(200).fill(1)), timing(), undefined, async () => {
      started += 1;
      const first = started === 1;
      await new Promise((resolve) => setImmediate(resolve));
      if (first) throw new Error('down');
      await new Promise((resolve) => setImmediate(resolve));
      ended += 1;
      return { Successful: [] };
    });
    await expect(failing).rejects.toThrow('down');
    expect([started, ended]).toEqual([4, 3]);
  });

  it('are not retried after the caller has aborted', async () => {
    const signal = AbortSignal.abort();
    const Failed = [{ Id: '0', Code: 'InternalError', SenderFault: false }];
    await expect(callInBatches('x', entriesOf([1]), timing(), signal, async () => ({ Failed }))).rejects.toBe(
      signal.reason,
    );
  });
});

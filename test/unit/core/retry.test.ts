import { describe, expect, it } from 'vitest';
import { backoffMs } from '../../../src/core/runtime/backoff.ts';
import { ImgclsError, isTransient } from '../../../src/core/runtime/errors.ts';
import { type RetryPolicy, type RetryTools, retry } from '../../../src/core/runtime/retry.ts';
import { pauseMs } from '../../../src/web/page/service/retry.ts';

const throttled = new ImgclsError('transient', 'Slow down.');
const denied = new ImgclsError('permanent', 'Access is denied.');

/** Runs an operation that fails with these errors, one a run, and then succeeds. */
function run(errors: readonly Error[], policy: Partial<RetryPolicy> = {}, tools: Partial<RetryTools> = {}) {
  const seen = { runs: [] as number[], pauses: [] as number[], retried: [] as unknown[] };
  const result = retry(
    async (retries) => {
      seen.runs.push(retries);
      const error = errors[seen.runs.length - 1];
      if (error !== undefined) throw error;
      return 'done';
    },
    { mayRetry: isTransient, ...policy },
    {
      clock: { sleep: async (ms) => void seen.pauses.push(ms) },
      random: () => 0.5,
      onRetry: (error) => seen.retried.push(error),
      ...tools,
    },
  );
  return { result, seen };
}

describe('a retry', () => {
  it('follows a growing, jittered pause and reports the error', async () => {
    const { result, seen } = run([throttled, throttled, throttled]);
    expect(await result).toBe('done');
    expect(seen).toEqual({
      runs: [0, 1, 2, 3],
      pauses: [100, 200, 400],
      retried: [throttled, throttled, throttled],
    });
  });

  it('pauses no longer than the policy says', async () => {
    const { result, seen } = run(Array(40).fill(throttled), { baseMs: 1000, maxMs: 3000 });
    await result;
    expect(seen.pauses.slice(0, 4)).toEqual([500, 1000, 1500, 1500]);
    expect(Math.max(...seen.pauses)).toBe(1500);
  });

  it('is not for an error that the policy does not retry', async () => {
    const { result, seen } = run([denied]);
    await expect(result).rejects.toBe(denied);
    expect(seen).toEqual({ runs: [0], pauses: [], retried: [] });
  });

  it('is not made once the retries are used up, nor is the last error reported as retried', async () => {
    const { result, seen } = run([throttled, throttled, throttled], { maxRetries: 2 });
    await expect(result).rejects.toBe(throttled);
    expect(seen).toMatchObject({ runs: [0, 1, 2], retried: [throttled, throttled] });
  });

  it('is not made after an abort: neither a first run nor one after a pause', async () => {
    const reason = new Error('enough');
    const aborted = run([], {}, { signal: AbortSignal.abort(reason) });
    await expect(aborted.result).rejects.toBe(reason);
    expect(aborted.seen.runs).toEqual([]);

    const ending = new AbortController();
    const clock = { sleep: async () => ending.abort(reason) };
    const paused = run([throttled, throttled], {}, { signal: ending.signal, clock });
    await expect(paused.result).rejects.toBe(reason);
    expect(paused.seen.runs).toEqual([0]);
  });
});

describe('the pause before a retry', () => {
  it('is the one that the server asks for, up to the longest one', () => {
    expect(backoffMs(0, 0.5, { askedMs: 7000 })).toBe(7000);
    expect(backoffMs(0, 0.5, { askedMs: 0 })).toBe(0);
    expect(backoffMs(0, 0.5, { askedMs: 90_000, maxMs: 30_000 })).toBe(30_000);
  });

  it('of the page is 1, 2, 4 … 30 s, or what Retry-After says', () => {
    expect([1, 2, 3, 5, 6, 60].map((failures) => pauseMs(failures))).toEqual([
      1000, 2000, 4000, 16_000, 30_000, 30_000,
    ]);
    expect([pauseMs(1, '7'), pauseMs(1, '0'), pauseMs(1, '600')]).toEqual([7000, 0, 30_000]);
    expect([pauseMs(2, ''), pauseMs(2, null), pauseMs(2, '-1')]).toEqual([2000, 2000, 2000]);
    // Retry-After may be a date instead.
    expect(pauseMs(2, 'Wed, 21 Oct 2026 07:28:00 GMT')).toBe(2000);
  });
});

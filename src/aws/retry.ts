/** Trying again what the SDK does not: entries of a batch, bodies that break half way, writes that collide. */
import { setTimeout as sleep } from 'node:timers/promises';
import { backoffMs } from '../core/runtime/backoff.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { awsError } from './errors.ts';

/** Some 6 seconds in all, 13 at most: longer troubles are for the caller to wait out. */
export const MAX_RETRIES = 6;

/** What waits and the moment depend on; tests pass their own. */
export interface Timing {
  clock: Pick<Clock, 'nowMs' | 'sleep'>;
  /** 0 (inclusive) to 1 (exclusive). */
  random(): number;
}

export const systemTiming: Timing = {
  clock: {
    nowMs: () => Date.now(),
    sleep: async (ms, signal) => {
      await sleep(ms, undefined, signal === undefined ? {} : { signal }).catch(() => {
        // A wait that is cut short is no error.
      });
    },
  },
  random: Math.random,
};

/** Waits before retry `retry` (0 for the first). @throws the signal's reason when it aborts. */
export async function waitToRetry(timing: Timing, retry: number, signal?: AbortSignal): Promise<void> {
  await timing.clock.sleep(backoffMs(retry, timing.random()), signal);
  signal?.throwIfAborted();
}

/** Tries until it succeeds, fails with an error for which `mayRetry` is false, or has failed too often. */
export async function retrying<T>(
  timing: Timing,
  signal: AbortSignal | undefined,
  mayRetry: (error: unknown) => boolean,
  attempt: () => Promise<T>,
): Promise<T> {
  for (let retry = 0; ; retry++) {
    try {
      return await attempt();
    } catch (error) {
      if (retry >= MAX_RETRIES || !mayRetry(error)) throw error;
    }
    await waitToRetry(timing, retry, signal);
  }
}

/**
 * One call of the SDK: its errors become ours, and a caller that gave up gets the reason of its own signal.
 * @param what what is tried, for the error: "read s3://bucket/key".
 */
export async function calling<T>(
  what: string,
  signal: AbortSignal | undefined,
  call: (options: { abortSignal?: AbortSignal }) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  try {
    return await call(signal === undefined ? {} : { abortSignal: signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw awsError(error, what);
  }
}

/** Retries what the SDK does not retry: entries of a batch, bodies that break off, conditional writes that collide. */
import { setTimeout as sleep } from 'node:timers/promises';
import { backoffMs } from '../core/runtime/backoff.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { retry } from '../core/runtime/retry.ts';
import { awsError } from './errors.ts';

/** About 6 s of pauses in all, 13 s at most. After longer outages the caller retries. */
export const MAX_RETRIES = 6;

/** Clock and randomness of the pauses; tests pass their own. */
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
        // An aborted sleep is no error.
      });
    },
  },
  random: Math.random,
};

/**
 * Pauses before a retry of what is left of a batch.
 * @param retries retries so far: 0 for the first one.
 * @throws the signal's reason when it aborts.
 */
export async function waitToRetry(timing: Timing, retries: number, signal?: AbortSignal): Promise<void> {
  await timing.clock.sleep(backoffMs(retries, timing.random()), signal);
  signal?.throwIfAborted();
}

/** Retries the operation where `mayRetry` allows it, {@link MAX_RETRIES} times at most. */
export function retrying<T>(
  timing: Timing,
  signal: AbortSignal | undefined,
  mayRetry: (error: unknown) => boolean,
  operation: () => Promise<T>,
): Promise<T> {
  return retry(operation, { maxRetries: MAX_RETRIES, mayRetry }, { ...timing, signal });
}

/**
 * Makes one call of the SDK and turns its errors into ours. After an abort it throws the reason of the caller's signal.
 * @param what the operation, for the error: "read s3://bucket/key".
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

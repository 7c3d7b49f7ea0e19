import { backoffMs } from '../../core/runtime/backoff.ts';
import type { Clock } from '../../core/runtime/clock.ts';
import { isTransient } from '../../core/runtime/errors.ts';

export interface RetryOptions {
  clock: Clock;
  /** 0 (inclusive) to 1 (exclusive). */
  random: () => number;
  signal: AbortSignal;
}

/** Tries in place before a batch is left for another delivery: most faults of the world last less than a second. */
const TRIES = 4;
const BASE_MS = 200;

/** Tries again while the world is in trouble, a few times; other errors are thrown at once. */
export async function withRetries<T>(operation: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { clock, random, signal } = options;
  for (let attempt = 0; ; attempt++) {
    signal.throwIfAborted();
    try {
      return await operation();
    } catch (error) {
      if (!isTransient(error) || attempt + 1 >= TRIES) throw error;
    }
    await clock.sleep(backoffMs(attempt, random(), { baseMs: BASE_MS }), signal);
  }
}

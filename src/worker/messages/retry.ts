import type { Clock } from '../../core/runtime/clock.ts';
import { isTransient } from '../../core/runtime/errors.ts';
import { retry } from '../../core/runtime/retry.ts';

export interface RetryOptions {
  clock: Clock;
  /** 0 (inclusive) to 1 (exclusive). */
  random: () => number;
  signal: AbortSignal;
}

/** Most transient errors last less than a second; after longer ones the message is redelivered. */
const POLICY = { baseMs: 200, maxRetries: 3, mayRetry: isTransient };

/** Retries transient errors a few times; throws all others at once. */
export function withRetries<T>(operation: () => Promise<T>, options: RetryOptions): Promise<T> {
  return retry(operation, POLICY, options);
}

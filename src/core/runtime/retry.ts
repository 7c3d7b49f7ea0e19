import { backoffMs, type Pauses } from './backoff.ts';
import type { Clock } from './clock.ts';

export interface RetryPolicy extends Pauses {
  /** Without it, an operation is retried for as long as the signal allows. */
  maxRetries?: number;
  mayRetry(error: unknown): boolean;
}

export interface RetryTools {
  clock: Pick<Clock, 'sleep'>;
  /** 0 (inclusive) to 1 (exclusive). */
  random(): number;
  /** Ends the retries: the call rejects with its reason. */
  signal?: AbortSignal | undefined;
  /** Called with each error that is retried, before the pause. */
  onRetry?(error: unknown): void;
}

/**
 * Runs the operation until it succeeds, fails with an error that may not be retried, or has used up its retries. Pauses
 * grow exponentially, with jitter.
 * @param operation gets the number of retries so far: 0 in the first run.
 */
export async function retry<T>(
  operation: (retries: number) => Promise<T>,
  { maxRetries = Number.POSITIVE_INFINITY, mayRetry, ...pauses }: RetryPolicy,
  { clock, random, signal, onRetry }: RetryTools,
): Promise<T> {
  for (let retries = 0; ; retries++) {
    signal?.throwIfAborted();
    try {
      return await operation(retries);
    } catch (error) {
      if (retries >= maxRetries || !mayRetry(error)) throw error;
      onRetry?.(error);
    }
    await clock.sleep(backoffMs(retries, random(), pauses), signal);
  }
}

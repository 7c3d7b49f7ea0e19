import type { Store } from '../../core/cloud/ports.ts';
import { CONTROLLER_LOCK_KEY } from '../../core/job/keys.ts';
import type { Clock } from '../../core/runtime/clock.ts';

export interface ControllerWatchOptions {
  output: Store;
  clock: Clock;
  /** The watched controller lock counts as abandoned when it has not changed for so long. */
  withoutMs: number;
  signal: AbortSignal;
}

/** Reads of the lock in this time. */
const READS = 10;

/**
 * Resolves true once no controller is alive, false if the signal aborts first.
 *
 * A live controller renews its lock, and each renewal changes the lock's ETag. A lock that does not change (or stays absent
 * or released) for long enough is abandoned. Only time in which the lock could be read counts: an outage of the store or a
 * suspended machine does not make a controller dead.
 */
export async function untilNoController(options: ControllerWatchOptions): Promise<boolean> {
  const { output, clock, withoutMs, signal } = options;
  const intervalMs = withoutMs / READS;
  let etag: string | undefined;
  let unchangedMs = 0;
  let readAtMs = clock.monotonicMs();
  while (!signal.aborted) {
    await clock.sleep(intervalMs, signal);
    if (signal.aborted) break;
    const nowMs = clock.monotonicMs();
    const watchedMs = Math.min(nowMs - readAtMs, 2 * intervalMs);
    readAtMs = nowMs;
    try {
      const found = (await output.head(CONTROLLER_LOCK_KEY, signal))?.etag;
      unchangedMs = found === etag ? unchangedMs + watchedMs : 0;
      etag = found;
    } catch {
      // The lock is unknown: begin the watch again.
      unchangedMs = 0;
    }
    if (unchangedMs >= withoutMs) return true;
  }
  return false;
}

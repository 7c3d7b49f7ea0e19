import type { Store } from '../../core/cloud/ports.ts';
import { CONTROLLER_LOCK_KEY } from '../../core/job/keys.ts';
import type { Clock } from '../../core/runtime/clock.ts';

export interface ControllerWatchOptions {
  output: Store;
  clock: Clock;
  /** So long the controller lock must stay as it is, while it is being watched, to count as nobody's. */
  withoutMs: number;
  signal: AbortSignal;
}

const LOOKS = 10;

/**
 * Resolves true once no controller lives, false when the signal aborts first.
 *
 * A live controller renews its lock, which changes the ETag; one that stays the same (or absent, or released) for long
 * enough is nobody's. Only time in which the lock was seen counts: neither an outage of the store nor a machine that
 * slept makes a controller dead.
 */
export async function untilNoController(options: ControllerWatchOptions): Promise<boolean> {
  const { output, clock, withoutMs, signal } = options;
  const everyMs = withoutMs / LOOKS;
  let etag: string | undefined;
  let unchangedMs = 0;
  let lookedAtMs = clock.monotonicMs();
  while (!signal.aborted) {
    await clock.sleep(everyMs, signal);
    if (signal.aborted) break;
    const nowMs = clock.monotonicMs();
    const watchedMs = Math.min(nowMs - lookedAtMs, 2 * everyMs);
    lookedAtMs = nowMs;
    try {
      const found = (await output.head(CONTROLLER_LOCK_KEY, signal))?.etag;
      unchangedMs = found === etag ? unchangedMs + watchedMs : 0;
      etag = found;
    } catch {
      // What could not be read is not known: the watch begins anew.
      unchangedMs = 0;
    }
    if (unchangedMs >= withoutMs) return true;
  }
  return false;
}

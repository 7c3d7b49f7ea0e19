import { onAbort } from '../core/runtime/abort.ts';
import type { Clock } from '../core/runtime/clock.ts';

/** Node fires a longer timer at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** The clock of this machine. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  async sleep(ms, signal) {
    let leftMs = ms;
    do {
      await timer(Math.min(leftMs, MAX_TIMER_MS), signal);
      leftMs -= MAX_TIMER_MS;
    } while (leftMs > 0 && signal?.aborted !== true);
  },
};

/** Resolves on abort. `timers/promises` creates an error for each aborted wait, and workers abort thousands a second. */
function timer(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const timeout = setTimeout(() => {
      removeListener();
      resolve();
    }, ms);
    const removeListener =
      signal === undefined
        ? () => {}
        : onAbort(signal, () => {
            clearTimeout(timeout);
            resolve();
          });
  });
}

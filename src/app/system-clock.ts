import { onAbort } from '../core/runtime/abort.ts';
import type { Clock } from '../core/runtime/clock.ts';

/** A longer timer of Node's fires at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The clock of the real world. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  async sleep(ms, signal) {
    let leftMs = ms;
    do {
      await timer(Math.min(leftMs, LONGEST_TIMER_MS), signal);
      leftMs -= LONGEST_TIMER_MS;
    } while (leftMs > 0 && signal?.aborted !== true);
  },
};

/** Without the error that Node's own makes of every wait that is cut short: workers cut thousands short in a second. */
function timer(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const timeout = setTimeout(() => {
      forget();
      resolve();
    }, ms);
    const forget =
      signal === undefined
        ? () => {}
        : onAbort(signal, () => {
            clearTimeout(timeout);
            resolve();
          });
  });
}

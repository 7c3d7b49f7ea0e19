import { setTimeout as wait } from 'node:timers/promises';
import type { Clock } from '../core/clock.ts';

/** A longer timer of Node's fires at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The clock of the real world. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  async sleep(ms, signal) {
    let leftMs = ms;
    do {
      await wait(Math.min(leftMs, LONGEST_TIMER_MS), undefined, signal && { signal }).catch(
        (error: Error) => {
          if (error.name !== 'AbortError') throw error;
        },
      );
      leftMs -= LONGEST_TIMER_MS;
    } while (leftMs > 0 && signal?.aborted !== true);
  },
};

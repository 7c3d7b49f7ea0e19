import { setTimeout as wait } from 'node:timers/promises';
import type { Clock } from '../core/clock.ts';

/** The clock of the real world. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  async sleep(ms, signal) {
    await wait(ms, undefined, signal && { signal }).catch((error: Error) => {
      if (error.name !== 'AbortError') throw error;
    });
  },
};

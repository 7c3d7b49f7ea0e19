import type { Clock } from '../../src/core/runtime/clock.ts';

/** Time that moves when the test says so; sleeping takes no time at all. */
export function virtualClock(startMs = 1_000_000): Clock & { advance(ms: number): void } {
  let nowMs = startMs;
  return {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
    sleep: async (ms) => {
      nowMs += ms;
    },
    advance: (ms) => {
      nowMs += ms;
    },
  };
}

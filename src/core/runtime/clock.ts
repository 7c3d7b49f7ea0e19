/** One moment, by both clocks. */
export interface Instant {
  wallMs: number;
  monotonicMs: number;
}

/** The source of time. Tests pass their own. */
export interface Clock {
  /** Wall clock, milliseconds since 1970. */
  nowMs(): number;
  /** Never goes back. Comparable within one process only. */
  monotonicMs(): number;
  /** Resolves after `ms`, or at once when the signal aborts. An aborted sleep is no error. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The monotonic time of a wall time that another process recorded; now, if the wall clock was set back behind it. */
export const monotonicAt = (clock: Pick<Clock, 'nowMs' | 'monotonicMs'>, wallMs: number): number =>
  clock.monotonicMs() - Math.max(0, clock.nowMs() - wallMs);

/** The source of time. Tests pass their own. */
export interface Clock {
  /** Wall clock, milliseconds since 1970. */
  nowMs(): number;
  /** Never goes back. Comparable within one process only. */
  monotonicMs(): number;
  /** Resolves after `ms`, or at once when the signal aborts. An aborted sleep is no error. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

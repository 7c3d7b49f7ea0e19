/** Time as the flows see it. Tests pass their own. */
export interface Clock {
  /** Wall clock, milliseconds since 1970. */
  nowMs(): number;
  /** Never goes back; comparable within one process only. */
  monotonicMs(): number;
  /** Resolves after `ms`, or at once when the signal aborts: a wait that is cut short is no error. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

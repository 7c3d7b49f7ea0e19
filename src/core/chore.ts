/** A bounded piece of housekeeping that a controller does beside its loop. Safe also where two do it at once. */
export interface Chore {
  /** For the log. */
  name: string;
  everyMs: number;
  /** Answers in words what it did, or undefined where there was nothing to do. A fault is met again at its next turn. */
  run(signal: AbortSignal): Promise<string | undefined>;
}

/**
 * Upkeep that a controller does beside its loop, one chore after the other. Two controllers may do the same chore at
 * once, and any run may be cut short: what it did stays done, and the next run does the rest.
 */
export interface Chore {
  /** For the log and for messages about its failure. */
  name: string;
  /** Pause between the end of a run and the next. */
  everyMs: number;
  /**
   * Does a bounded piece of work.
   * @param tell told of each thing that was done, when it is done.
   * @throws {ImgclsError} what it met; a transient fault is gone at the next run, perhaps.
   */
  run(signal: AbortSignal, tell: (deed: ChoreResult) => void): Promise<void>;
}

/** What was done, in words, and for which job where it was for one. */
export interface ChoreResult {
  text: string;
  job?: string | undefined;
  trace?: string | undefined;
}

/**
 * A maintenance task, which a controller runs beside its loop, one task after the other. Two controllers may run the same
 * task at the same time, and any run may be interrupted: finished work stays done, and the next run does the rest.
 */
export interface Chore {
  /** For the log and for errors. */
  name: string;
  /** Pause between the end of a run and the next. */
  everyMs: number;
  /**
   * Does a bounded amount of work.
   * @param report called with each result as soon as it is done.
   * @throws {ImgclsError} A transient one may be gone at the next run.
   */
  run(signal: AbortSignal, report: (result: ChoreResult) => void): Promise<void>;
}

/** What was done, as text, and for which job if it was for one. */
export interface ChoreResult {
  text: string;
  job?: string | undefined;
  trace?: string | undefined;
}

/** What a caller has of a job. */

import type { JobRecord } from '../core/job/job.ts';
import type { Outcome } from '../core/model/outcome.ts';
import type { FollowProgress } from '../results/follow.ts';

export type { FollowProgress };

/** How transient errors are retried: with growing pauses, until the signal aborts. */
export interface WaitForOptions {
  /** Called with each transient error. It is retried. */
  onTransient?(error: unknown): void;
  /** Aborts the call, which then rejects with the signal's reason. The job itself continues. */
  signal?: AbortSignal;
}

/** Options of whatever announces images. */
export interface SubmissionOptions extends WaitForOptions {
  /** Whether {@link Job.outcomes} will be iterated. False: no worker is started and no response is sent. */
  wait: boolean;
  /**
   * Hosts that web addresses among the inputs may name, for a program whose inputs come from others: `public` (all with
   * public addresses, at the ports of http and https), names, and names with a port. Default: as the job was submitted, and
   * for a new one all.
   */
  allowUrls?: readonly string[];
}

/** Options of {@link Job.outcomes}. */
export interface OutcomesOptions extends WaitForOptions {
  /** Called whenever images have got their outcomes. */
  onProgress?(progress: FollowProgress): void;
}

/**
 * The handle of a job. It holds no results: they are in the cluster, and any number of handles can read them.
 *
 * @example
 * ```ts
 * import { createClient } from 'imgcls';
 *
 * await using client = await createClient();
 * const job = await client.submit(['photos']);
 * // Ends after a minute at the latest; the job itself continues.
 * const signal = AbortSignal.timeout(60_000);
 * for await (const outcome of job.outcomes({ signal })) console.log(outcome.name);
 * const { state, total } = await job.record();
 * console.log(state, total);
 * ```
 */
export interface Job {
  /** A ULID. */
  readonly id: string;
  /**
   * Resolves with the record when every image is stored and announced: from then on the program may end. Rejects if the
   * submission failed or was aborted; {@link ImgclsClient.resume} continues it.
   */
  readonly submitted: Promise<JobRecord>;
  /** The present record. Retries transient errors if `waiting` is given. */
  record(waiting?: WaitForOptions): Promise<JobRecord>;
  /** As `record`, but first finishes a job whose images all have outcomes. */
  settled(waiting?: WaitForOptions): Promise<JobRecord>;
  /**
   * Waits for the job and yields its outcomes in input order, each once. Of a retry, only those of the retried images.
   * Iterate it only once. Leaving the loop ends the wait.
   *
   * @throws {ImgclsError} that a retry cannot fix, and the signal's reason when it aborts. The job continues.
   *
   * @example
   * ```ts
   * import { createClient } from 'imgcls';
   *
   * await using client = await createClient();
   * const job = await client.submit(['photos']);
   * const onProgress = ({ done, total }: { done: number; total: number | undefined }) => console.log(done, total);
   * for await (const outcome of job.outcomes({ onProgress }))
   *   if ('labels' in outcome) console.log(outcome.name, outcome.labels[0]?.label);
   * ```
   */
  outcomes(options?: OutcomesOptions): AsyncGenerator<Outcome>;
  /**
   * The present outcomes in input order, without waiting.
   *
   * @example
   * ```ts
   * import { createClient } from 'imgcls';
   *
   * await using client = await createClient();
   * for await (const { id } of client.jobs()) {
   *   const job = await client.job(id);
   *   for await (const outcome of job.results()) console.log(outcome.name);
   *   break;
   * }
   * ```
   */
  results(signal?: AbortSignal): AsyncGenerator<Outcome>;
  /**
   * Cancels the job. That is final: images without an outcome get none.
   *
   * @example
   * ```ts
   * import { createClient } from 'imgcls';
   *
   * await using client = await createClient();
   * const job = await client.submit(['photos'], { wait: false });
   * console.log((await job.cancel()).state);
   * ```
   */
  cancel(): Promise<JobRecord>;
}

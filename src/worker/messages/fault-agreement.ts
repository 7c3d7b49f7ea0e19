/**
 * When a machine fault becomes an outcome: a single machine never decides about an image. A worker whose machine fails
 * records that it gives the batch back. Once three different workers have done so, the fault is taken as the truth
 * (docs/decisions/0031-machine-faults.md).
 */

import type { Store } from '../../core/cloud/ports.ts';
import { isDropJob } from '../../core/job/job-ids.ts';
import { type BatchPlace, returnedKey, returnedPrefix, type ShardRange } from '../../core/job/keys.ts';
import { hasPrediction } from '../../core/job/shard.ts';
import type { Clock } from '../../core/runtime/clock.ts';
import type { MachineFaultError } from '../../core/runtime/machine-fault.ts';

/** Workers that must fail before a fault counts as one of the job. One or two sick machines are common; three are not. */
export const AGREEING_WORKERS = 3;

/** A finding about a whole job is used for so long: then another worker may have classified some of it. */
const FINDING_MS = 10_000;

export interface FaultAgreementOptions {
  output: Store;
  workerId: string;
  clock: Pick<Clock, 'monotonicMs'>;
}

/** Counts the workers whose machines failed at a batch. */
export class FaultAgreement {
  readonly #options: FaultAgreementOptions;
  /** About the job that was asked about last. */
  #finding: { attempt: string; atMs: number; isReached: Promise<boolean> } | undefined;

  constructor(options: FaultAgreementOptions) {
    this.#options = options;
  }

  /**
   * Records that this worker's machine fails at the batch.
   * @returns true if so many workers have failed at it that no machine is likely to do better.
   */
  async isReached({ job, range }: BatchPlace, { scope }: MachineFaultError): Promise<boolean> {
    // Dropped images of a day have nothing in common but the day.
    if (scope === 'image' || isDropJob(job)) return await this.#haveFailedAt(job, range);
    return await this.#isReachedForJob(job, range.attempt);
  }

  /** Every image of the job meets the fault, so its batches need not go from worker to worker one by one. */
  #isReachedForJob(job: string, attempt: number): Promise<boolean> {
    const { output, clock } = this.#options;
    const nowMs = clock.monotonicMs();
    const key = `${job}/${attempt}`;
    const last = this.#finding;
    if (last?.attempt === key && nowMs - last.atMs < FINDING_MS) return last.isReached;
    const isReached = this.#haveFailedAt(job, { attempt }).then(
      async (have) => have && !(await hasPrediction(output, job, attempt)),
    );
    const finding = { attempt: key, atMs: nowMs, isReached };
    this.#finding = finding;
    isReached.catch(() => {
      if (this.#finding === finding) this.#finding = undefined;
    });
    return isReached;
  }

  async #haveFailedAt(job: string, part: ShardRange | { attempt: number }): Promise<boolean> {
    const { output, workerId } = this.#options;
    await output.put(returnedKey(job, part, workerId), new Uint8Array());
    let workers = 0;
    for await (const _ of output.list(returnedPrefix(job, part))) {
      if (++workers >= AGREEING_WORKERS) return true;
    }
    return false;
  }
}

import type { Cloud, ListedObject } from '../core/cloud/ports.ts';
import type { Chore, ChoreResult } from '../core/fleet/chore.ts';
import { type JobRecord, jobId } from '../core/job/job.ts';
import { finishJob, isFinal, readJob } from '../core/job/job-record.ts';
import { ACTIVE_PREFIX, deadLetterQueueName, requestQueueName } from '../core/job/keys.ts';
import { aboutJob } from '../core/job/trace.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { isUnreadable, ObjectMissingError } from '../core/runtime/errors.ts';
import { pluralize } from '../core/text/pluralize.ts';
import { forEachCollectingErrors } from './for-each-collecting-errors.ts';
import { isComplete, readCoverage } from './job-coverage.ts';
import { resendRequests } from './resend-requests.ts';

const EVERY_MS = 15_000;
/** Requests of images that have no outcome after this long with empty queues are sent again. */
const LOST_AFTER_MS = 5 * 60_000;
/** Interval between checks while the queues have messages. Only jobs without a waiter depend on it. */
const BUSY_CHECK_MS = 5 * 60_000;
/** After a longer pause the queues may have held messages in between. */
const MAX_PAUSE_MS = 2 * 60_000;
/** The marker is written before the record. A marker without a record for this long is of a submitter that crashed. */
const ORPHANED_MARKER_MS = 24 * 3600_000;

export interface SettleOptions {
  /** Interval between listings while the queues are empty and there was no job. */
  restingListEveryMs?: number;
}

/** Finishes every sealed job, also one without a waiter, and sends lost requests again. */
export function settleJobs(cloud: Cloud, clock: Clock, options: SettleOptions = {}): Chore {
  const settler = new Settler(cloud, clock, options);
  return {
    name: 'job settling',
    everyMs: EVERY_MS,
    run: (signal, report) => settler.run(signal, report),
  };
}

/**
 * Finishes a sealed job that has an outcome for every image. For any other sealed job:
 *
 *     complete or busy --images without outcome, all queues empty--> waiting --five minutes--> requests sent again, waiting
 *     waiting --a queue has messages or cannot be read, or no check for a while--> complete or busy
 */
class Settler {
  readonly #cloud: Cloud;
  readonly #clock: Clock;
  /** Since when each job has had images without outcome while all queues were empty. */
  #waitingSinceMs = new Map<string, number>();
  #emptyAtMs = Number.NEGATIVE_INFINITY;
  #checkedAtMs = Number.NEGATIVE_INFINITY;
  readonly #restingListEveryMs: number;
  /** The last listing had jobs, or there were messages since. */
  #mayHaveJobs = true;

  constructor(cloud: Cloud, clock: Clock, { restingListEveryMs = 0 }: SettleOptions) {
    this.#cloud = cloud;
    this.#clock = clock;
    this.#restingListEveryMs = restingListEveryMs;
  }

  async run(signal: AbortSignal, report: (result: ChoreResult) => void): Promise<void> {
    // Read the queues before the ledger: messages in flight must not look lost.
    const areQueuesEmpty = await this.#areQueuesEmpty(signal);
    const nowMs = this.#clock.monotonicMs();
    if (!areQueuesEmpty) this.#mayHaveJobs = true;
    const restMs = this.#mayHaveJobs ? 0 : this.#restingListEveryMs;
    if (nowMs - this.#checkedAtMs < (areQueuesEmpty ? restMs : BUSY_CHECK_MS)) return;
    this.#checkedAtMs = nowMs;
    const seen = new Set<string>();
    const markers = await Array.fromAsync(this.#cloud.output.list(ACTIVE_PREFIX, { signal }));
    this.#mayHaveJobs = !areQueuesEmpty || markers.length > 0;
    await forEachCollectingErrors(markers, async (marker) => {
      const id = marker.key.slice(ACTIVE_PREFIX.length);
      seen.add(id);
      const job = await this.#read(id, signal);
      const text = await this.#settle(job, marker, { id, areQueuesEmpty, signal });
      // Without the record the trace of the job is not known.
      const about = typeof job === 'string' ? { job: id } : aboutJob({ job: id, trace: job.trace });
      if (text !== undefined) report({ text, ...about });
    });
    for (const id of this.#waitingSinceMs.keys()) if (!seen.has(id)) this.#waitingSinceMs.delete(id);
  }

  async #areQueuesEmpty(signal: AbortSignal): Promise<boolean> {
    const { cluster, queues } = this.#cloud;
    if (this.#clock.monotonicMs() - this.#emptyAtMs > MAX_PAUSE_MS) this.#waitingSinceMs.clear();
    let areEmpty = false;
    try {
      // The images of dead letters get their outcomes from the drain.
      const names = [requestQueueName(cluster), deadLetterQueueName(cluster)];
      const depths = await Promise.all(names.map((name) => queues.open(name).depth(signal)));
      areEmpty = depths.every(({ waiting, inFlight, delayed }) => waiting + inFlight + delayed === 0);
    } finally {
      if (areEmpty) this.#emptyAtMs = this.#clock.monotonicMs();
      else this.#waitingSinceMs.clear();
    }
    return areEmpty;
  }

  /** @returns what was done, or undefined. */
  async #settle(
    job: JobRecord | 'missing' | 'unreadable',
    marker: ListedObject,
    { id, areQueuesEmpty, signal }: { id: string; areQueuesEmpty: boolean; signal: AbortSignal },
  ): Promise<string | undefined> {
    if (job === 'unreadable') return undefined;
    const isOrphaned = job === 'missing' && this.#clock.nowMs() - marker.modifiedAtMs > ORPHANED_MARKER_MS;
    if (isOrphaned || (job !== 'missing' && isFinal(job))) {
      await this.#cloud.output.delete([marker.key], signal);
      return `Deleted the active marker of job ${id}: the job ${job === 'missing' ? 'does not exist' : `is ${job.state}`}.`;
    }
    if (job === 'missing' || job.state !== 'sealed') return undefined;
    const coverage = await readCoverage(this.#cloud.output, job, signal);
    if (isComplete(job, coverage)) {
      const { state } = await finishJob(this.#cloud.output, job, this.#clock.nowMs());
      return `Job ${id} is ${state}. Every image has an outcome.`;
    }
    if (!areQueuesEmpty || !this.#isLost(id)) return undefined;
    const images = await resendRequests(this.#cloud, job, coverage, signal);
    return `Sent the lost requests of ${pluralize(images, 'image')} of job ${id} again.`;
  }

  /** True when its five minutes are over. Then the next five minutes begin. */
  #isLost(id: string): boolean {
    const nowMs = this.#clock.monotonicMs();
    const sinceMs = this.#waitingSinceMs.get(id);
    const isLost = sinceMs !== undefined && nowMs - sinceMs >= LOST_AFTER_MS;
    if (sinceMs === undefined || isLost) this.#waitingSinceMs.set(id, nowMs);
    return isLost;
  }

  async #read(id: string, signal: AbortSignal): Promise<JobRecord | 'missing' | 'unreadable'> {
    // The object of another program is no marker of a job.
    if (!jobId.safeParse(id).success) return 'missing';
    try {
      return await readJob(this.#cloud.output, id, signal);
    } catch (error) {
      if (error instanceof ObjectMissingError) return 'missing';
      // Leave it to a newer controller or to a person. "imgcls status" names it.
      if (isUnreadable(error)) return 'unreadable';
      throw error;
    }
  }
}

import type { Cloud, ListedObject } from '../core/cloud/ports.ts';
import type { Chore, ChoreResult } from '../core/fleet/chore.ts';
import type { JobRecord } from '../core/job/job.ts';
import { finishJob, isFinal, readJob } from '../core/job/job-record.ts';
import { ACTIVE_PREFIX, deadLetterQueueName, requestQueueName } from '../core/job/keys.ts';
import { aboutJob } from '../core/job/trace.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { NewerVersionError, ObjectMissingError, PoisonError } from '../core/runtime/errors.ts';
import { forEachCollectingErrors } from './for-each-collecting-errors.ts';
import { isComplete, readCoverage } from './job-coverage.ts';
import { resendRequests } from './resend-requests.ts';

const EVERY_MS = 15_000;
/** Images that stay without outcome for so long, while no message is anywhere, are announced again. */
const LOST_AFTER_MS = 5 * 60_000;
/** While there is work, jobs are looked at less often: only those that nobody waits for end by it. */
const BUSY_LOOK_MS = 5 * 60_000;
/** After a longer pause nothing is known of what the queues held meanwhile. */
const LONGEST_PAUSE_MS = 2 * 60_000;
/** The marker is written before the record: one that stays alone for so long is of a submitter that died. */
const LONELY_MARKER_MS = 24 * 3600_000;

export interface SettleOptions {
  /** Jobs are listed so often while the queues are empty and no job was there. */
  restingListEveryMs?: number;
}

/** Sees to it that every sealed job ends, also one that nobody waits for and one whose messages were lost. */
export function settleJobs(cloud: Cloud, clock: Clock, options: SettleOptions = {}): Chore {
  const settler = new Settler(cloud, clock, options);
  return {
    name: 'settling of the jobs',
    everyMs: EVERY_MS,
    run: (signal, tell) => settler.run(signal, tell),
  };
}

/**
 * A look at a sealed job that has an outcome for every image finishes it. The holes of another are remembered:
 *
 *     none known --holes, all queues empty--> waiting --five minutes of empty queues--> announced again, waiting anew
 *     waiting --a queue that is not empty or cannot be read, no look for a while--> none known
 */
class Settler {
  readonly #cloud: Cloud;
  readonly #clock: Clock;
  /** Since when each job has had holes while nothing was on its way. */
  #waitingSinceMs = new Map<string, number>();
  #quietAtMs = Number.NEGATIVE_INFINITY;
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  readonly #restingListEveryMs: number;
  /** Jobs were seen when they were listed last, or messages since: some may be there to be ended. */
  #mayHaveJobs = true;

  constructor(cloud: Cloud, clock: Clock, { restingListEveryMs = 0 }: SettleOptions) {
    this.#cloud = cloud;
    this.#clock = clock;
    this.#restingListEveryMs = restingListEveryMs;
  }

  async run(signal: AbortSignal, tell: (deed: ChoreResult) => void): Promise<void> {
    // Before the ledger: what was on its way when the queues were read must not look lost.
    const isQuiet = await this.#areQueuesEmpty(signal);
    const nowMs = this.#clock.monotonicMs();
    if (!isQuiet) this.#mayHaveJobs = true;
    const restMs = this.#mayHaveJobs ? 0 : this.#restingListEveryMs;
    if (nowMs - this.#lookedAtMs < (isQuiet ? restMs : BUSY_LOOK_MS)) return;
    this.#lookedAtMs = nowMs;
    const seen = new Set<string>();
    const markers = await Array.fromAsync(this.#cloud.output.list(ACTIVE_PREFIX, { signal }));
    this.#mayHaveJobs = !isQuiet || markers.length > 0;
    await forEachCollectingErrors(markers, async (marker) => {
      const id = marker.key.slice(ACTIVE_PREFIX.length);
      seen.add(id);
      const job = await this.#read(id, signal);
      const text = await this.#settle(job, marker, { id, isQuiet, signal });
      // Without its record nobody knows the trace that its submitter was given.
      const about = typeof job === 'string' ? { job: id } : aboutJob({ job: id, trace: job.trace });
      if (text !== undefined) tell({ text, ...about });
    });
    for (const id of this.#waitingSinceMs.keys()) if (!seen.has(id)) this.#waitingSinceMs.delete(id);
  }

  async #areQueuesEmpty(signal: AbortSignal): Promise<boolean> {
    const { cluster, queues } = this.#cloud;
    if (this.#clock.monotonicMs() - this.#quietAtMs > LONGEST_PAUSE_MS) this.#waitingSinceMs.clear();
    let areEmpty = false;
    try {
      // A dead letter's images are still to get their outcomes.
      const names = [requestQueueName(cluster), deadLetterQueueName(cluster)];
      const depths = await Promise.all(names.map((name) => queues.open(name).depth(signal)));
      areEmpty = depths.every(({ waiting, inFlight, delayed }) => waiting + inFlight + delayed === 0);
    } finally {
      if (areEmpty) this.#quietAtMs = this.#clock.monotonicMs();
      else this.#waitingSinceMs.clear();
    }
    return areEmpty;
  }

  /** @returns what was done, if anything. */
  async #settle(
    job: JobRecord | 'missing' | 'unreadable',
    marker: ListedObject,
    { id, isQuiet, signal }: { id: string; isQuiet: boolean; signal: AbortSignal },
  ): Promise<string | undefined> {
    if (job === 'unreadable') return undefined;
    const isLonely = job === 'missing' && this.#clock.nowMs() - marker.modifiedAtMs > LONELY_MARKER_MS;
    if (isLonely || (job !== 'missing' && isFinal(job))) {
      await this.#cloud.output.delete([marker.key], signal);
      return `Removed the marker of job ${id}, which is ${job === 'missing' ? 'unknown' : job.state}.`;
    }
    if (job === 'missing' || job.state !== 'sealed') return undefined;
    const coverage = await readCoverage(this.#cloud.output, job, signal);
    if (isComplete(job, coverage)) {
      const { state } = await finishJob(this.#cloud.output, job, this.#clock.nowMs());
      return `Job ${id} is ${state}: every image has an outcome.`;
    }
    if (!isQuiet || !this.#isLost(id)) return undefined;
    const images = await resendRequests(this.#cloud, job, coverage, signal);
    return `Images of job ${id} announced again, as their messages were lost: ${images}.`;
  }

  /** True when its five minutes are over; others begin. */
  #isLost(id: string): boolean {
    const nowMs = this.#clock.monotonicMs();
    const sinceMs = this.#waitingSinceMs.get(id);
    const isLost = sinceMs !== undefined && nowMs - sinceMs >= LOST_AFTER_MS;
    if (sinceMs === undefined || isLost) this.#waitingSinceMs.set(id, nowMs);
    return isLost;
  }

  async #read(id: string, signal: AbortSignal): Promise<JobRecord | 'missing' | 'unreadable'> {
    try {
      return await readJob(this.#cloud.output, id, signal);
    } catch (error) {
      if (error instanceof ObjectMissingError) return 'missing';
      // A newer controller's to settle, or nobody's; whoever asks for the job is told.
      if (error instanceof NewerVersionError || error instanceof PoisonError) return 'unreadable';
      throw error;
    }
  }
}

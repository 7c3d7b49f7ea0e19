import type { Store } from '../core/cloud/ports.ts';
import { type IndexRange, IndexRanges } from '../core/job/index-ranges.ts';
import type { JobState } from '../core/job/job.ts';
import { finishJob, isFinal } from '../core/job/job-record.ts';
import { listShards } from '../core/job/shard.ts';
import { readJobCost } from '../core/money/job-cost.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { countFailures } from './failures.ts';
import { isComplete } from './job-coverage.ts';
import { type JobFacts, readFacts } from './job-facts.ts';
import { listAttempts } from './ledger.ts';
import { type ListedJob, listedJob } from './listed-job.ts';

/** The result of a poll. */
export interface JobUpdate {
  job: ListedJob;
  /** Images whose outcome is new since the last poll, in the order of the ledger. */
  fresh: IndexRange[];
  /** The attempt has changed since the last poll: a retry opened the job again. */
  isReopened: boolean;
}

/** The rate is measured over this time. */
const RATE_MS = 15_000;
/** Errors and cost are read again after this long, and when the job ends. */
const EXTRAS_MS = 2000;

/**
 * Follows one job by polling its ledger. Keys that were listed are not listed again. Memory holds the covered ranges, not
 * the outcomes. It finishes a job that has all its outcomes, as every waiter does.
 */
export class JobFollower {
  readonly #output: Store;
  readonly #clock: Clock;
  readonly #id: string;
  /** Coverage of the present attempt, and of all attempts. */
  #coverage = new IndexRanges();
  #allCoverage = new IndexRanges();
  #attempt: number | undefined;
  #samples: { atMs: number; images: number }[] = [];
  #extras: { state: JobState; errors: number; usd: number | undefined; atMs: number } | undefined;

  constructor({ output, clock, id }: { output: Store; clock: Clock; id: string }) {
    this.#output = output;
    this.#clock = clock;
    this.#id = id;
  }

  /** Images that have an outcome of any attempt. */
  get covered(): readonly IndexRange[] {
    return this.#allCoverage.list;
  }

  /** @throws {ObjectMissingError} when the job does not exist, or no longer. */
  async poll(signal?: AbortSignal): Promise<JobUpdate> {
    // Read the record before the ledger: if the record says finished, the ledger is complete.
    let record = await readFacts(this.#output, this.#id, signal);
    const isReopened = this.#attempt !== undefined && this.#attempt !== record.attempt;
    if (this.#attempt !== record.attempt) await this.#begin(record, signal);
    const fresh = await this.#listNew(record, signal);
    if (record.state === 'sealed' && isComplete(record, this.#coverage))
      record = await finishJob(this.#output, record, this.#clock.nowMs());
    const extras = await this.#readExtras(record, fresh.length > 0, signal);
    const job = listedJob(record, { ...extras, images: this.#coverage.size, ...this.#rate() });
    return { job, fresh, isReopened };
  }

  async #begin(record: JobFacts, signal?: AbortSignal): Promise<void> {
    this.#attempt = record.attempt;
    this.#coverage = new IndexRanges();
    this.#samples = [];
    this.#extras = undefined;
    for (const attempt of await listAttempts(this.#output, this.#id, signal)) {
      if (attempt >= record.attempt) continue;
      for await (const range of listShards(this.#output, this.#id, { attempt, signal }))
        this.#allCoverage.add(range);
    }
  }

  async #listNew({ attempt }: JobFacts, signal?: AbortSignal): Promise<IndexRange[]> {
    const fresh: IndexRange[] = [];
    for await (const range of listShards(this.#output, this.#id, {
      attempt,
      from: this.#coverage.frontier,
      signal,
    })) {
      const { first, last } = range;
      if (this.#coverage.holes(range).length === 0) continue;
      this.#coverage.add(range);
      this.#allCoverage.add(range);
      fresh.push({ first, last });
    }
    return fresh;
  }

  async #readExtras(record: JobFacts, hasGrown: boolean, signal?: AbortSignal) {
    const nowMs = this.#clock.monotonicMs();
    const known = this.#extras;
    const isOld = known !== undefined && nowMs - known.atMs >= EXTRAS_MS;
    const isGood = known?.state === record.state && !(isOld && (hasGrown || !isFinal(record)));
    if (known !== undefined && isGood) return known;
    const errors = await countFailures(this.#output, record, signal);
    const usd = await readJobCost(this.#output, this.#id, signal);
    this.#extras = { state: record.state, errors, usd, atMs: nowMs };
    return this.#extras;
  }

  #rate(): { imagesPerSecond?: number } {
    const now = { atMs: this.#clock.monotonicMs(), images: this.#coverage.size };
    this.#samples.push(now);
    while (this.#samples.length > 2 && now.atMs - (this.#samples[1]?.atMs ?? now.atMs) >= RATE_MS)
      this.#samples.shift();
    const [first = now] = this.#samples;
    const tookMs = now.atMs - first.atMs;
    return tookMs < 1000 ? {} : { imagesPerSecond: (1000 * (now.images - first.images)) / tookMs };
  }
}

import type { WorkerStatus } from '../core/fleet/fleet.ts';
import { newerFirst } from '../core/job/job-ids.ts';
import type { Instant } from '../core/runtime/clock.ts';
import { isUnknown, type OrUnknown } from '../core/runtime/unknown.ts';
import {
  attribute,
  type Cost,
  type ImagesByJob,
  imagesByJobDelta,
  type PaidMachine,
  recall,
  settle,
} from './cost.ts';
import type { FleetMember } from './fleet.ts';
import type { Observation } from './observation.ts';
import type { PolicySettings } from './policy/policy.ts';
import type { ObservedJob, ObservedSnapshot, Snapshot } from './snapshot.ts';
import type { WorkerObservation } from './statuses.ts';

/** Workers report the last images of a job after it is finished, so the ledger keeps this many final jobs. */
const KEPT_JOBS = 100;
const WRITE_EVERY_MS = 10_000;
/** A machine that is gone after a time without observations ended at some moment in it, so it is not charged for all of it. */
const MAX_ENDED_MS = 60_000;
/** A machine may first be listed this long after its launch, as EC2's listings are eventually consistent. */
const LATE_LISTING_MS = 5 * 60_000;

/** What the last controller's report says: a successor continues from it. */
export interface LastCount {
  cost: Cost | undefined;
  /** When it was written (wall clock): the time since then is charged too. */
  atMs: number;
  /** Those that were charged then. */
  machines: readonly string[];
}

type LedgerSettings = Pick<PolicySettings, 'billingMinimumMs' | 'maxJobCostUsd'>;

/**
 * What the fleet has cost, by job. No total ever falls. Time in which the fleet could not be read is charged when it can be
 * read again.
 */
export class CostLedger {
  readonly #settings: LedgerSettings;
  readonly #last: LastCount | undefined;
  #cost: Cost | undefined;
  #statuses: Parameters<typeof imagesByJobDelta>[0];
  #chargedAtMs: number | undefined;
  /** When each machine was charged last, by the monotonic clock. */
  #chargedTo = new Map<string, number>();
  #charged: readonly FleetMember[] = [];
  #paidBefore: Readonly<Record<string, number>> = {};
  #spentUsd: number | undefined;
  #recalled: Set<string>;
  #written = new Map<string, number>();
  #writtenAtMs = Number.NEGATIVE_INFINITY;

  constructor(settings: LedgerSettings, last?: LastCount) {
    this.#settings = settings;
    this.#last = last;
    this.#cost = last?.cost;
    this.#recalled = new Set(Object.keys(last?.cost?.byJobUsd ?? {}));
  }

  /** Undefined before the first count. */
  get cost(): Cost | undefined {
    return this.#cost;
  }

  /** What the last record() added; undefined if it could not add anything. */
  get spentUsd(): number | undefined {
    return this.#spentUsd;
  }

  costUsdOf(job: string): number {
    return this.#byJobUsd[job] ?? 0;
  }

  record({ members, statuses, snapshot }: Observation, now: Instant): void {
    this.#spentUsd = undefined;
    if (isUnknown(members) || isUnknown(statuses)) return;
    const { totalUsd: beforeUsd = 0, byJobUsd: before = {} } = this.#cost ?? {};
    const { jobs } = snapshot;
    const { billingMinimumMs, maxJobCostUsd = Number.POSITIVE_INFINITY } = this.#settings;
    const cost = attribute(this.#cost, {
      nowMs: now.wallMs,
      ended: this.#chargeEnded(members, now),
      machines: this.#charge(members, now),
      imagesByJob: this.#countDone([...statuses.values()]),
      leftByJob: isUnknown(jobs) ? {} : this.#left(jobs),
      paidBefore: this.#paidBefore,
      billingMinimumMs,
      capUsd: maxJobCostUsd,
      ownCapsUsd: isUnknown(jobs) ? {} : ownCapsUsd(jobs),
    });
    this.#spentUsd = cost.totalUsd - beforeUsd;
    const paid = Object.entries(cost.byJobUsd).map(([job, usd]) => [job, usd - (before[job] ?? 0)] as const);
    if (paid.some(([, usd]) => usd > 0)) this.#paidBefore = Object.fromEntries(paid);
    this.#cost = cost;
    if (!isUnknown(jobs)) this.#settle(cost, jobs);
  }

  /** The snapshot with the cost of its jobs. */
  priced(snapshot: ObservedSnapshot): Snapshot {
    const { jobs } = snapshot;
    if (isUnknown(jobs)) return { ...snapshot, jobs };
    return { ...snapshot, jobs: jobs.map((job) => ({ ...job, costUsd: this.costUsdOf(job.id) })) };
  }

  /** Images done by job since the last look. */
  #countDone(workers: readonly WorkerObservation[]): ImagesByJob {
    const images = imagesByJobDelta(this.#statuses, statusesOf(workers.filter(({ isFound }) => !isFound)));
    this.#statuses = statusesOf(workers);
    return images;
  }

  /** An open job counts as much as the largest one that is sealed. */
  #left(jobs: readonly ObservedJob[]): ImagesByJob {
    const largest = Math.max(1, ...jobs.map(({ totalImages }) => totalImages ?? 1));
    const left = ({ totalImages = largest, doneImages }: ObservedJob) =>
      Math.max(1, totalImages - doneImages);
    return Object.fromEntries(jobs.map((job) => [job.id, left(job)]));
  }

  /** A job that is dropped here is recalled from its stored cost if it is retried. */
  #settle(cost: Cost, jobs: readonly { id: string }[]): void {
    const kept = new Set(toKeep(cost, jobs));
    this.#cost = settle(cost, kept);
    this.#recalled = new Set([...this.#recalled].filter((job) => kept.has(job)));
  }

  /** Those of the last count that are gone. */
  #chargeEnded(members: readonly FleetMember[], { monotonicMs }: Instant): PaidMachine[] {
    const paid = new Set(members.filter(isPaid).map(({ id }) => id));
    const ended = this.#charged.filter(({ id }) => !paid.has(id));
    return ended.map(({ id, hourlyUsd, launchedAtMs }) => {
      const chargedToMs = this.#chargedTo.get(id) ?? monotonicMs;
      const unchargedMs = Math.min(monotonicMs - chargedToMs, MAX_ENDED_MS);
      this.#chargedTo.set(id, chargedToMs + unchargedMs);
      return { hourlyUsd, launchedAtMs, unchargedMs };
    });
  }

  /**
   * The machines that cost money, and since when each is to be charged. A machine is charged from its launch if it may have
   * been listed too late for the last count. One without a price is charged when its price is known.
   */
  #charge(members: readonly FleetMember[], now: Instant): PaidMachine[] {
    const sinceMs = this.#sinceLastMs(now);
    const known = this.#chargedAtMs === undefined ? this.#last?.machines : undefined;
    for (const id of known ?? []) this.#chargedTo.set(id, now.monotonicMs - sinceMs);
    this.#chargedAtMs = now.monotonicMs;
    const paid = members.filter(isPaid);
    this.#charged = paid.filter(({ hourlyUsd }) => hourlyUsd !== undefined);
    const machines = paid.map(({ id, hourlyUsd, launchedAtMs }) => {
      const chargedToMs = this.#chargedTo.get(id);
      const isLate = now.wallMs - launchedAtMs <= sinceMs + LATE_LISTING_MS;
      const neverMs = isLate ? undefined : sinceMs;
      if (hourlyUsd !== undefined) this.#chargedTo.set(id, now.monotonicMs);
      return {
        hourlyUsd,
        launchedAtMs,
        unchargedMs: chargedToMs === undefined ? neverMs : now.monotonicMs - chargedToMs,
      };
    });
    const ids = new Set(paid.map(({ id }) => id));
    for (const [id, atMs] of this.#chargedTo)
      if (!ids.has(id) && now.monotonicMs - atMs > LATE_LISTING_MS) this.#chargedTo.delete(id);
    for (const { id, state } of members) if (state === 'stopped') this.#chargedTo.delete(id);
    return machines;
  }

  /** Since the last count, of this controller or the one before. */
  #sinceLastMs({ wallMs, monotonicMs }: Instant): number {
    if (this.#chargedAtMs !== undefined) return monotonicMs - this.#chargedAtMs;
    return Math.max(0, wallMs - (this.#last?.atMs ?? wallMs));
  }

  /** Jobs whose stored cost has to be recalled, because an earlier controller may have attributed some to them. */
  unrecalled(jobs: OrUnknown<readonly { id: string }[]>): string[] {
    const ids = isUnknown(jobs) ? [] : jobs.map(({ id }) => id);
    return [...new Set([...ids, ...Object.keys(this.#byJobUsd)])].filter((id) => !this.#recalled.has(id));
  }

  /** @param usd undefined if nothing is stored. */
  recall(job: string, usd: number | undefined, nowMs: number): void {
    this.#recalled.add(job);
    if (usd === undefined) return;
    this.#cost = recall(this.#cost ?? attribute(undefined, nothingSpent(nowMs)), job, usd);
  }

  /** The costs of jobs that changed since they were written; empty within ten seconds of the last write. */
  unwrittenByJob(monotonicMs: number): Readonly<Record<string, number>> {
    if (monotonicMs - this.#writtenAtMs < WRITE_EVERY_MS) return {};
    const changed = Object.entries(this.#byJobUsd).filter(
      ([job, usd]) => usd > 0 && this.#recalled.has(job) && this.#written.get(job) !== usd,
    );
    return Object.fromEntries(changed);
  }

  /** To be called after a successful write only: the final cost of a job does not change again, so it must not be missed. */
  markWritten(byJobUsd: Readonly<Record<string, number>>, monotonicMs: number): void {
    const written = Object.entries(byJobUsd);
    if (written.length === 0) return;
    const kept = [...this.#written].filter(([job]) => job in this.#byJobUsd);
    this.#written = new Map([...kept, ...written]);
    this.#writtenAtMs = monotonicMs;
  }

  get #byJobUsd(): Readonly<Record<string, number>> {
    return this.#cost?.byJobUsd ?? {};
  }
}

const statusesOf = (workers: readonly WorkerObservation[]): WorkerStatus[] =>
  workers.flatMap(({ status }) => (status === undefined ? [] : [status]));

const isPaid = ({ state }: FleetMember): boolean => state !== 'stopped';

const nothingSpent = (nowMs: number) => ({
  nowMs,
  machines: [],
  ended: [],
  imagesByJob: {},
  leftByJob: {},
  paidBefore: {},
  billingMinimumMs: 0,
  capUsd: Number.POSITIVE_INFINITY,
});

/** The unfinished jobs and the newest of the others. */
function toKeep({ byJobUsd }: Cost, jobs: readonly { id: string }[]): string[] {
  const unfinished = new Set(jobs.map(({ id }) => id));
  const final = Object.keys(byJobUsd).filter((job) => !unfinished.has(job));
  const newest = final.length > KEPT_JOBS ? final.toSorted(newerFirst).slice(0, KEPT_JOBS) : final;
  return [...unfinished, ...newest];
}

const ownCapsUsd = (jobs: readonly ObservedJob[]): Record<string, number> =>
  Object.fromEntries(
    jobs.flatMap(({ id, maxCostUsd }) => (maxCostUsd === undefined ? [] : [[id, maxCostUsd]])),
  );

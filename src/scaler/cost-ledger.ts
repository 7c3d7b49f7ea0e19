import { newerFirst } from '../core/job/job-ids.ts';
import { isUnknown } from '../core/runtime/unknown.ts';
import { attribute, type Cost, imagesByJobDelta, settle } from './cost.ts';
import type { Observation } from './observe.ts';

/** Workers report the last images of a job after it is finished, so the ledger keeps this many final jobs. */
const KEPT_JOBS = 100;
const WRITE_EVERY_MS = 10_000;

/** What the fleet has cost, by job. Time in which the fleet could not be read is charged when it can be read again. */
export class CostLedger {
  readonly #billingMinimumMs: number;
  #cost: Cost | undefined;
  #statuses: Parameters<typeof imagesByJobDelta>[0];
  #chargedAtMs: number | undefined;
  readonly #lastAtMs: number | undefined;
  #spentUsd: number | undefined;
  #written = new Map<string, number>();
  #writtenAtMs = Number.NEGATIVE_INFINITY;

  /** @param last the last controller's cost, and when it was written (wall clock): the time since then is charged too. */
  constructor(billingMinimumMs: number, last?: { cost: Cost | undefined; atMs: number }) {
    this.#billingMinimumMs = billingMinimumMs;
    this.#cost = last?.cost;
    this.#lastAtMs = last?.atMs;
  }

  /** Undefined while the price of a machine is unknown. */
  get cost(): Cost | undefined {
    return this.#cost;
  }

  /** What the last record() added; undefined if it could not add anything. */
  get spentUsd(): number | undefined {
    return this.#spentUsd;
  }

  costUsdOf(job: string): number {
    return this.#cost?.byJobUsd[job] ?? 0;
  }

  record({ members, statuses, snapshot }: Observation, now: { wallMs: number; monotonicMs: number }): void {
    const beforeUsd = this.#cost?.totalUsd ?? 0;
    this.#spentUsd = undefined;
    if (isUnknown(members) || isUnknown(statuses)) return;
    const reported = [...statuses.values()].flatMap(({ status }) => (status === undefined ? [] : [status]));
    const cost = attribute(this.#cost, {
      nowMs: now.wallMs,
      elapsedMs: this.#elapsedMs(now),
      machines: members.filter(({ state }) => state !== 'stopped'),
      imagesByJob: imagesByJobDelta(this.#statuses, reported),
      billingMinimumMs: this.#billingMinimumMs,
    });
    if (cost !== undefined) this.#spentUsd = cost.totalUsd - beforeUsd;
    this.#chargedAtMs = now.monotonicMs;
    this.#statuses = reported;
    const unfinished = isUnknown(snapshot.jobs) ? undefined : new Set(snapshot.jobs.map(({ id }) => id));
    this.#cost = cost && unfinished ? settle(cost, toKeep(cost, unfinished)) : cost;
  }

  #elapsedMs({ wallMs, monotonicMs }: { wallMs: number; monotonicMs: number }): number {
    if (this.#chargedAtMs !== undefined) return monotonicMs - this.#chargedAtMs;
    return Math.max(0, wallMs - (this.#lastAtMs ?? wallMs));
  }

  /** The costs of jobs that changed since they were written; empty within ten seconds of the last write. */
  unwrittenByJob(monotonicMs: number): Readonly<Record<string, number>> {
    if (monotonicMs - this.#writtenAtMs < WRITE_EVERY_MS) return {};
    const changed = Object.entries(this.#byJobUsd).filter(
      ([job, usd]) => usd > 0 && this.#written.get(job) !== usd,
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

/** The unfinished jobs and the newest of the others. */
function toKeep({ byJobUsd }: Cost, unfinished: ReadonlySet<string>): string[] {
  const final = Object.keys(byJobUsd).filter((job) => !unfinished.has(job));
  return [...unfinished, ...final.toSorted(newerFirst).slice(0, KEPT_JOBS)];
}

import { newerFirst } from '../core/job/job-ids.ts';
import { attribute, type Cost, imagesByJobDelta, settle } from './cost.ts';
import type { Observation } from './observe.ts';
import { isUnknown } from './snapshot.ts';

/** A job's last images are told after it is finished: so many final jobs are kept in the books. */
const KEPT_JOBS = 100;
const WRITE_EVERY_MS = 10_000;

/** What the fleet has cost, by job. Time in which the fleet could not be seen is charged when it is seen again. */
export class CostLedger {
  readonly #billingMinimumMs: number;
  #cost: Cost | undefined;
  #statuses: Parameters<typeof imagesByJobDelta>[0];
  #chargedAtMs: number | undefined;
  readonly #lastAtMs: number | undefined;
  #spentUsd: number | undefined;
  #written = new Map<string, number>();
  #writtenAtMs = Number.NEGATIVE_INFINITY;

  /** @param last what the last controller's books said, and when (wall clock): machines have cost since then, too. */
  constructor(billingMinimumMs: number, last?: { cost: Cost | undefined; atMs: number }) {
    this.#billingMinimumMs = billingMinimumMs;
    this.#cost = last?.cost;
    this.#lastAtMs = last?.atMs;
  }

  /** Absent while the price of a machine is not known. */
  get cost(): Cost | undefined {
    return this.#cost;
  }

  /** What the last record added; undefined where it could add nothing. */
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
    const said = [...statuses.values()].flatMap(({ status }) => (status === undefined ? [] : [status]));
    const cost = attribute(this.#cost, {
      nowMs: now.wallMs,
      elapsedMs: this.#elapsedMs(now),
      machines: members.filter(({ state }) => state !== 'stopped'),
      imagesByJob: imagesByJobDelta(this.#statuses, said),
      billingMinimumMs: this.#billingMinimumMs,
    });
    if (cost !== undefined) this.#spentUsd = cost.totalUsd - beforeUsd;
    this.#chargedAtMs = now.monotonicMs;
    this.#statuses = said;
    const unfinished = isUnknown(snapshot.jobs) ? undefined : new Set(snapshot.jobs.map(({ id }) => id));
    this.#cost = cost && unfinished ? settle(cost, toKeep(cost, unfinished)) : cost;
  }

  #elapsedMs({ wallMs, monotonicMs }: { wallMs: number; monotonicMs: number }): number {
    if (this.#chargedAtMs !== undefined) return monotonicMs - this.#chargedAtMs;
    return Math.max(0, wallMs - (this.#lastAtMs ?? wallMs));
  }

  /** What jobs have cost, where that is to be written again: every ten seconds, what has changed. */
  due(monotonicMs: number): Readonly<Record<string, number>> {
    if (monotonicMs - this.#writtenAtMs < WRITE_EVERY_MS) return {};
    const changed = Object.entries(this.#byJobUsd).filter(
      ([job, usd]) => usd > 0 && this.#written.get(job) !== usd,
    );
    return Object.fromEntries(changed);
  }

  /** What was due at that time is written. Until then it stays due: the last cost of a job does not change any more. */
  wrote(byJobUsd: Readonly<Record<string, number>>, monotonicMs: number): void {
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

/** The unfinished jobs and the last of the others. */
function toKeep({ byJobUsd }: Cost, unfinished: ReadonlySet<string>): string[] {
  const final = Object.keys(byJobUsd).filter((job) => !unfinished.has(job));
  return [...unfinished, ...final.toSorted(newerFirst).slice(0, KEPT_JOBS)];
}

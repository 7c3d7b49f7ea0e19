/**
 * Attributes the cost of the machines to jobs. Pure.
 *
 * A machine costs money from its launch on, by time, and at least its billing minimum (a minute on EC2), which is charged
 * when the machine is first seen. Money goes to the jobs whose images were done meanwhile; if there were none (boots), to the
 * unfinished jobs by the images that they have left; if there is no such job (idling), to none. A job at its cap gets nothing
 * while another is below it: machines run for the others, and do its images only because queues are shared.
 */
import type { ControllerReport, WorkerStatus } from '../core/fleet/fleet.ts';
import { monthOf } from '../core/money/month.ts';

export type Cost = NonNullable<ControllerReport['cost']>;
export type ImagesByJob = Readonly<Record<string, number>>;

/** A machine that costs money now; without `hourlyUsd` if its price is unknown. */
export interface PaidMachine {
  hourlyUsd?: number | undefined;
  launchedAtMs: number;
  /** Since it was charged last; undefined if it never was. */
  unchargedMs: number | undefined;
}

/** What happened since the last count. */
export interface Spending {
  /** Wall clock, as `launchedAtMs`. */
  nowMs: number;
  machines: readonly PaidMachine[];
  /** Machines that were charged at the last count and are gone. The time of their end is not known. */
  ended: readonly PaidMachine[];
  imagesByJob: ImagesByJob;
  /** Images that unfinished jobs have left. */
  leftByJob: ImagesByJob;
  /** What each job paid at the last count at which one did. */
  paidBefore: Readonly<Record<string, number>>;
  billingMinimumMs: number;
  /** Of every job; Infinity without one. */
  capUsd: number;
  /** Of single jobs. */
  ownCapsUsd?: Readonly<Record<string, number>>;
}

const HOUR_MS = 3_600_000;

/**
 * The cost after this spending. No sum in it is ever less than before. A machine without a known price adds nothing, and the
 * time since which the sums are too low.
 * @param before undefined starts a new count.
 */
export function attribute(before: Cost | undefined, spending: Spending): Cost {
  const cost = before ?? beginCost(spending.nowMs);
  let hourlyUsd = 0;
  let { unknownSinceMs } = cost;
  for (const machine of spending.machines) {
    if (machine.hourlyUsd === undefined) {
      unknownSinceMs ??= spending.nowMs;
      continue;
    }
    hourlyUsd += machine.hourlyUsd;
  }
  const spentUsd = [...spending.machines, ...spending.ended].reduce(
    (sum, machine) => sum + ((machine.hourlyUsd ?? 0) * billedMs(machine, spending)) / HOUR_MS,
    0,
  );
  const { byJobUsd, restUsd } = divide(spentUsd, cost.byJobUsd, spending);
  return {
    ...cost,
    totalUsd: cost.totalUsd + spentUsd,
    unattributedUsd: cost.unattributedUsd + restUsd,
    byJobUsd,
    hourlyUsd,
    month: monthAfter(before, spentUsd, spending.nowMs),
    ...(unknownSinceMs !== undefined && { unknownSinceMs }),
  };
}

function monthAfter(before: Cost | undefined, spentUsd: number, nowMs: number): NonNullable<Cost['month']> {
  const name = monthOf(nowMs);
  const last = before?.month;
  if (last?.name === name) return { ...last, usd: last.usd + spentUsd };
  const isOlder = before !== undefined && last === undefined;
  return { name, usd: spentUsd, ...(isOlder && { isLowerBound: true }) };
}

interface Division {
  byJobUsd: Readonly<Record<string, number>>;
  /** What no job paid. */
  restUsd: number;
}

function divide(
  spentUsd: number,
  before: Cost['byJobUsd'],
  {
    imagesByJob,
    leftByJob,
    paidBefore,
    capUsd,
    ownCapsUsd = {},
  }: Omit<Spending, 'nowMs' | 'machines' | 'ended'>,
): Division {
  const payers = totalOf(imagesByJob) > 0 ? imagesByJob : leftByJob;
  const capUsdOf = (job: string) => Math.min(capUsd, ownCapsUsd[job] ?? capUsd);
  let division: Division = { byJobUsd: before, restUsd: spentUsd };
  for (const shares of [payers, leftByJob]) division = payWithin(capUsdOf, division, shares);
  if (totalOf(payers) === 0) return division;
  // All of them have reached the cap. The machines that are left were there for those who paid last.
  return payWithin(() => Number.POSITIVE_INFINITY, division, totalOf(paidBefore) > 0 ? paidBefore : payers);
}

/** By their shares, but none beyond the cap: what one cannot pay, the others do. */
function payWithin(capUsdOf: (job: string) => number, before: Division, shares: ImagesByJob): Division {
  const byJobUsd = { ...before.byJobUsd };
  let { restUsd } = before;
  const roomOf = (job: string) => capUsdOf(job) - (byJobUsd[job] ?? 0);
  let open = Object.entries(shares).filter(([job, share]) => share > 0 && roomOf(job) > 0);
  while (restUsd > 0 && open.length > 0) {
    const total = open.reduce((sum, [, share]) => sum + share, 0);
    const partOf = (share: number) => (restUsd * share) / total;
    const full = open.filter(([job, share]) => partOf(share) >= roomOf(job));
    const paying = full.length > 0 ? full : open;
    const paid = paying.map(([job, share]) => [job, Math.min(partOf(share), roomOf(job))] as const);
    for (const [job, usd] of paid) byJobUsd[job] = (byJobUsd[job] ?? 0) + usd;
    restUsd = full.length > 0 ? restUsd - paid.reduce((sum, [, usd]) => sum + usd, 0) : 0;
    open = open.filter((each) => !paying.includes(each));
  }
  return { byJobUsd, restUsd: Math.max(0, restUsd) };
}

const totalOf = (images: ImagesByJob): number => Object.values(images).reduce((sum, each) => sum + each, 0);

const beginCost = (sinceMs: number): Cost => ({
  sinceMs,
  totalUsd: 0,
  unattributedUsd: 0,
  byJobUsd: {},
  hourlyUsd: 0,
});

/** The part of the uncharged time that a machine is billed for. */
function billedMs({ launchedAtMs, unchargedMs }: PaidMachine, { nowMs, billingMinimumMs }: Spending): number {
  const ageMs = nowMs - launchedAtMs;
  const billedUpTo = (ms: number) => Math.max(ms, billingMinimumMs);
  return billedUpTo(ageMs) - (unchargedMs === undefined ? 0 : billedUpTo(ageMs - unchargedMs));
}

/** Keeps only these jobs, to keep the report small. The cost of the others stays in the total. */
export function settle(cost: Cost, jobIds: Iterable<string>): Cost {
  const wanted = new Set(jobIds);
  const kept = Object.entries(cost.byJobUsd).filter(([job]) => wanted.has(job));
  return { ...cost, byJobUsd: Object.fromEntries(kept) };
}

/** Adds what earlier controllers attributed to a job. It is part of the total, unless their report was lost. */
export function recall(cost: Cost, job: string, usd: number): Cost {
  const byJobUsd = { ...cost.byJobUsd, [job]: (cost.byJobUsd[job] ?? 0) + usd };
  const sumUsd = Object.values(byJobUsd).reduce((sum, each) => sum + each, cost.unattributedUsd);
  return { ...cost, byJobUsd, totalUsd: Math.max(cost.totalUsd, sumUsd) };
}

type Counts = Pick<WorkerStatus, 'id' | 'startedAtMs' | 'imagesByJob'>;

/**
 * Images done by job between two readings of the workers' statuses.
 * @param previous undefined at the first reading: images done before it are not counted.
 */
export function imagesByJobDelta(
  previous: readonly Counts[] | undefined,
  statuses: readonly Counts[],
): ImagesByJob {
  if (previous === undefined) return {};
  const before = new Map(previous.map((status) => [status.id, status]));
  const delta: Record<string, number> = {};
  for (const { id, startedAtMs, imagesByJob = {} } of statuses) {
    const last = before.get(id);
    const counted = last?.startedAtMs === startedAtMs ? (last.imagesByJob ?? {}) : {};
    for (const [job, images] of Object.entries(imagesByJob)) {
      const known = counted[job] ?? 0;
      // The worker had dropped this job from its status, and counts it from one again.
      const done = images >= known ? images - known : images;
      if (done > 0) delta[job] = (delta[job] ?? 0) + done;
    }
  }
  return delta;
}

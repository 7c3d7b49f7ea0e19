/**
 * Attributes the cost of the machines to jobs. Pure.
 *
 * A machine costs money from its launch on, by time, and at least its billing minimum (a minute on EC2), which is charged
 * when the machine is first seen. Money spent while no images were done (boots, idling) stays unattributed, and goes to the
 * jobs of the next images, in proportion to their images.
 */
import type { ControllerReport, WorkerStatus } from '../core/fleet/fleet.ts';

export type Cost = NonNullable<ControllerReport['cost']>;
export type ImagesByJob = Readonly<Record<string, number>>;

/** What happened since the last count. */
export interface Spending {
  /** Wall clock, as `launchedAtMs`. */
  nowMs: number;
  elapsedMs: number;
  /** Every machine that costs money now; without `hourlyUsd` if its price is unknown. */
  machines: readonly { hourlyUsd?: number | undefined; launchedAtMs: number }[];
  imagesByJob: ImagesByJob;
  billingMinimumMs: number;
}

const HOUR_MS = 3_600_000;

/**
 * The cost after this spending; undefined if the price of a machine is unknown, because the sum would be wrong. A machine
 * that ended since the last count is not listed any more, so its cost in that time is not included.
 * @param before undefined starts a new count.
 */
export function attribute(before: Cost | undefined, spending: Spending): Cost | undefined {
  const cost = before ?? beginCost(spending.nowMs);
  let hourlyUsd = 0;
  let spentUsd = 0;
  for (const machine of spending.machines) {
    if (machine.hourlyUsd === undefined) return undefined;
    hourlyUsd += machine.hourlyUsd;
    spentUsd += (machine.hourlyUsd * billedMs(machine, spending)) / HOUR_MS;
  }
  const pendingUsd = cost.unattributedUsd + spentUsd;
  const images = Object.values(spending.imagesByJob).reduce((sum, each) => sum + each, 0);
  const byJobUsd = { ...cost.byJobUsd };
  if (images > 0) {
    for (const [job, share] of Object.entries(spending.imagesByJob))
      if (share > 0) byJobUsd[job] = (byJobUsd[job] ?? 0) + (pendingUsd * share) / images;
  }
  return {
    ...cost,
    totalUsd: cost.totalUsd + spentUsd,
    unattributedUsd: images > 0 ? 0 : pendingUsd,
    byJobUsd,
    hourlyUsd,
  };
}

const beginCost = (sinceMs: number): Cost => ({
  sinceMs,
  totalUsd: 0,
  unattributedUsd: 0,
  byJobUsd: {},
  hourlyUsd: 0,
});

/** The part of the elapsed time that a machine is billed for. */
function billedMs(
  { launchedAtMs }: Spending['machines'][number],
  { nowMs, elapsedMs, billingMinimumMs }: Spending,
): number {
  const ageMs = nowMs - launchedAtMs;
  const billedUpTo = (ms: number) => (ms <= 0 ? 0 : Math.max(ms, billingMinimumMs));
  return billedUpTo(ageMs) - billedUpTo(ageMs - elapsedMs);
}

/** Keeps only these jobs, to keep the report small. The cost of the others stays in the total. */
export function settle(cost: Cost, jobIds: Iterable<string>): Cost {
  const wanted = new Set(jobIds);
  const kept = Object.entries(cost.byJobUsd).filter(([job]) => wanted.has(job));
  return { ...cost, byJobUsd: Object.fromEntries(kept) };
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

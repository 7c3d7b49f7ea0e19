/** The fewest machines that finish jobs by their deadlines (`--by`). Each machine boots once, so the fewest cost least. Pure. */
import { untilReadyMs } from '../policy/backlog.ts';
import type { KnownSnapshot } from '../policy/policy.ts';
import type { Backlog, Machine, Measured, UnfinishedJob } from '../snapshot.ts';

/** A plan uses this share of the time, since some boots and machines are slow and the last messages are not done at once. */
const PLANNED_SHARE = 0.9;

/** A job with a deadline. */
export interface DueJob {
  id: string;
  images: number;
  /** From now. */
  dueInMs: number;
}

export interface DeadlinePlan {
  /** The earliest deadline first. Those that no machine can meet any more are left out. */
  jobs: readonly DueJob[];
  /** Of the machines that there are. */
  keep: number;
  launches: number;
}

/** The jobs with a deadline, the earliest first. An unsealed job has an equal share of the images that no sealed job explains. */
export function dueJobs(jobs: readonly UnfinishedJob[], { images }: Backlog): DueJob[] {
  const left = ({ totalImages = 0, doneImages }: UnfinishedJob) => Math.max(0, totalImages - doneImages);
  const open = jobs.filter(({ totalImages }) => totalImages === undefined).length;
  const sealedImages = jobs.reduce((sum, job) => sum + left(job), 0);
  const openImages = Math.max(1, (images - sealedImages) / Math.max(1, open));
  return jobs
    .flatMap((job) => {
      const { id, dueInMs, totalImages } = job;
      if (dueInMs === undefined) return [];
      return [{ id, dueInMs, images: totalImages === undefined ? openImages : left(job) }];
    })
    .filter((job) => job.images > 0)
    .sort((a, b) => a.dueInMs - b.dueInMs);
}

export function planFor(due: readonly DueJob[], { measured, machines }: KnownSnapshot): DeadlinePlan {
  const workers = workersOf(machines);
  const jobs: DueJob[] = [];
  let workMs = 0;
  let launches = 0;
  let keep = 0;
  for (const job of due) {
    const withinMs = PLANNED_SHARE * job.dueInMs;
    const allMs = workMs + workMsOf(job, measured);
    const lackingMs = allMs - workers.reduce((sum, worker) => sum + workingMs(worker, withinMs, measured), 0);
    const newMs = withinMs - measured.bootMs;
    if (lackingMs > 0 && newMs <= 0) continue;
    if (lackingMs > 0) launches = Math.max(launches, Math.ceil(lackingMs / newMs));
    keep = Math.max(keep, Math.ceil(allMs / withinMs));
    workMs = allMs;
    jobs.push(job);
  }
  return { jobs, launches, keep: launches > 0 ? workers.length : Math.min(workers.length, keep) };
}

/** Machines that there are, and those that will be launched now. */
export interface PlannedFleet {
  machines: readonly Machine[];
  launches: number;
  measured: Measured;
}

/** When the jobs are done, from now, in the order of their deadlines. Infinity without machines. */
export function doneInMs(due: readonly DueJob[], { machines, launches, measured }: PlannedFleet) {
  const readyMs = [
    ...workersOf(machines).map((machine) => untilReadyMs(machine, measured.bootMs)),
    ...Array.from({ length: launches }, () => measured.bootMs),
  ].sort((a, b) => a - b);
  let workMs = 0;
  return due.map((job) => {
    workMs += workMsOf(job, measured);
    return { job, doneInMs: timeFor(workMs, readyMs) };
  });
}

/** The time in which machines that are ready then do this work. */
function timeFor(workMs: number, readyMs: readonly number[]): number {
  let sumMs = 0;
  for (const [at, ms] of readyMs.entries()) {
    sumMs += ms;
    const doneMs = (workMs + sumMs) / (at + 1);
    if (doneMs <= (readyMs[at + 1] ?? Number.POSITIVE_INFINITY)) return doneMs;
  }
  return Number.POSITIVE_INFINITY;
}

export const workersOf = (machines: readonly Machine[]): Machine[] =>
  machines.filter(({ phase }) => phase !== 'draining' && phase !== 'stopped');

const workMsOf = ({ images }: DueJob, { imagesPerSecond }: Measured): number =>
  (1000 * images) / imagesPerSecond;

const workingMs = (machine: Machine, withinMs: number, { bootMs }: Measured): number =>
  Math.max(0, withinMs - untilReadyMs(machine, bootMs));

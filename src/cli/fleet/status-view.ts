// The data of `imgcls status`, read and derived. It is also the shape of its JSON. Pure.

import type { QueueDepth } from '../../core/cloud/ports.ts';
import { type ControllerReport, WORKER_GONE_MS, type WorkerStatus } from '../../core/fleet/fleet.ts';
import type { LockObservation } from '../../core/fleet/lock-state.ts';
import { imagesIn, SMALL_BATCH } from '../../core/job/batches.ts';
import type { JobState } from '../../core/job/job.ts';
import { isUnknown, type OrUnknown } from '../../core/runtime/unknown.ts';

export interface JobObservation {
  id: string;
  /** `starting`: the job has a marker, but no record yet. */
  state: JobState | 'starting';
  /** Its upload ended early, as far as this machine can see. */
  interrupted?: true;
  /** Undefined while the submitter still reads inputs. */
  total: number | undefined;
  /** Images with an outcome. */
  done: number;
  /** Cost so far; undefined where no controller has attributed any. */
  usd: OrUnknown<number | undefined>;
  /** When it should be done (`--by`). */
  deadlineMs?: number;
  /** What it may cost (`--max-cost`). */
  maxCostUsd?: number;
}

/** Everything that was read. A value that could not be read is unknown, with the reason. */
export interface ClusterObservation {
  cluster: string;
  cloud: 'local' | 'aws';
  atMs: number;
  lock: OrUnknown<LockObservation | undefined>;
  report: OrUnknown<ControllerReport | undefined>;
  requests: OrUnknown<QueueDepth>;
  deadLetters: OrUnknown<QueueDepth>;
  workers: OrUnknown<readonly OrUnknown<WorkerStatus>[]>;
  jobs: OrUnknown<readonly OrUnknown<JobObservation>[]>;
}

export interface StatusView extends ClusterObservation {
  v: 1;
  /** Current throughput of the fleet. */
  imagesPerSecond: OrUnknown<number>;
  /** Images in the request queue, estimated from its messages. */
  backlogImages: OrUnknown<number>;
  /** Time to finish the backlog at that rate. */
  backlogMs: OrUnknown<number>;
  /** Time to finish each job, by id, of the jobs whose total is known. */
  jobMs: OrUnknown<Readonly<Record<string, number>>>;
}

export function toView(seen: ClusterObservation): StatusView {
  const imagesPerSecond = throughput(seen);
  const backlogImages = backlog(seen);
  return {
    v: 1,
    ...seen,
    imagesPerSecond,
    backlogImages,
    backlogMs: timeFor(backlogImages, imagesPerSecond),
    jobMs: jobTimes(seen.jobs, imagesPerSecond),
  };
}

function throughput({ workers, atMs }: ClusterObservation): OrUnknown<number> {
  if (isUnknown(workers)) return workers;
  let sum = 0;
  for (const worker of workers)
    if (!isUnknown(worker) && atMs - worker.updatedAtMs < WORKER_GONE_MS) sum += worker.imagesPerSecond;
  return sum;
}

function backlog({ requests, report, jobs }: ClusterObservation): OrUnknown<number> {
  if (isUnknown(requests)) return requests;
  const messages = requests.waiting + requests.inFlight + requests.delayed;
  const known = isUnknown(jobs) ? [] : jobs.filter((job): job is JobObservation => !isUnknown(job));
  if (known.length > 0) return imagesIn(messages, known);
  const measured = isUnknown(report) ? undefined : report?.measured.imagesPerMessage;
  return Math.round(messages * (measured ?? SMALL_BATCH));
}

function timeFor(images: OrUnknown<number>, imagesPerSecond: OrUnknown<number>): OrUnknown<number> {
  if (isUnknown(images)) return images;
  if (images === 0) return 0;
  if (isUnknown(imagesPerSecond)) return imagesPerSecond;
  if (imagesPerSecond === 0) return { unknown: 'no batch has completed recently' };
  return (1000 * images) / imagesPerSecond;
}

/** The fleet serves jobs evenly: when a job finishes, each other job has as many images done, or all of its own. */
function jobTimes(jobs: ClusterObservation['jobs'], imagesPerSecond: OrUnknown<number>): StatusView['jobMs'] {
  if (isUnknown(jobs)) return jobs;
  if (isUnknown(imagesPerSecond)) return imagesPerSecond;
  if (imagesPerSecond === 0) return {};
  const known = jobs.filter((job): job is JobObservation => !isUnknown(job));
  const left = known.map((job) =>
    job.total === undefined ? Number.POSITIVE_INFINITY : job.total - job.done,
  );
  const times: Record<string, number> = {};
  for (const { id, total, done } of known) {
    if (total === undefined) continue;
    const images = left.reduce((sum, others) => sum + Math.min(others, total - done), 0);
    times[id] = (1000 * images) / imagesPerSecond;
  }
  return times;
}

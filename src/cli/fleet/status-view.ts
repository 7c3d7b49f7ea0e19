/** What `imgcls status` shows, and what follows from it. Pure; this is also the shape of its JSON. */

import type { QueueDepth } from '../../core/cloud/ports.ts';
import { type ControllerReport, WORKER_GONE_MS, type WorkerStatus } from '../../core/fleet/fleet.ts';
import type { JobState } from '../../core/job/job.ts';
import { MAX_BATCH } from '../../core/job/messages.ts';
import { isUnknown, type OrUnknown } from '../../scaler/snapshot.ts';

export interface JobObservation {
  id: string;
  /** `starting`: announced, and its record is not written yet. */
  state: JobState | 'starting';
  /** Undefined while its inputs are still read. */
  total: number | undefined;
  /** Images with an outcome. */
  done: number;
  /** So far; undefined where no controller has attributed anything. */
  usd: OrUnknown<number | undefined>;
}

export interface LockObservation {
  /** Undefined: it was released. */
  holder: string | undefined;
  epoch: number;
  /** When it was renewed last, by the store's clock. */
  renewedAtMs: number;
  /** How long it has stayed the same while it was watched, by our own clock. */
  unchangedForMs: number;
  /** Its holder's time to live; absent where an older build holds it. */
  ttlMs?: number | undefined;
}

/** Everything that was read. What could not be is unknown, with the reason. */
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
  /** What the fleet does now. */
  imagesPerSecond: OrUnknown<number>;
  /** Images in the request queue, estimated from its messages. */
  backlogImages: OrUnknown<number>;
  /** Until the backlog is gone, at that rate. */
  backlogMs: OrUnknown<number>;
  /** Until each job is done, by id, of the jobs whose total is known. */
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

function backlog({ requests, report }: ClusterObservation): OrUnknown<number> {
  if (isUnknown(requests)) return requests;
  const measured = isUnknown(report) ? undefined : report?.measured.imagesPerMessage;
  const messages = requests.waiting + requests.inFlight + requests.delayed;
  return Math.round(messages * (measured ?? MAX_BATCH));
}

function timeFor(images: OrUnknown<number>, imagesPerSecond: OrUnknown<number>): OrUnknown<number> {
  if (isUnknown(images)) return images;
  if (images === 0) return 0;
  if (isUnknown(imagesPerSecond)) return imagesPerSecond;
  if (imagesPerSecond === 0) return { unknown: 'no worker has done anything lately' };
  return (1000 * images) / imagesPerSecond;
}

/** Workers are fair: until a job is done, every other has got as many images done as it, or all that it has. */
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

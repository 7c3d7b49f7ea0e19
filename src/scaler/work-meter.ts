/**
 * What the jobs' own records and the workers' reports say of the work: how many images each job has left, what they cost, and
 * which work has arrived. The counts of a queue are late and inexact, so a rise of them is no arrival. Pure.
 */
import type { WorkerStatus } from '../core/fleet/fleet.ts';
import { attemptTotal, FIRST_ATTEMPT, type JobRecord } from '../core/job/job.ts';
import { isDropJob } from '../core/job/job-ids.ts';
import { type ImagesByJob, imagesByJobDelta } from './cost.ts';
import { ImageCosts } from './image-costs.ts';
import type { Arrived, ObservedJob } from './snapshot.ts';

/** Jobs that are remembered, so that none of them arrives twice. */
const KEPT_JOBS = 1000;
/** A worker that was busy for a smaller share of the time did not work at its full rate. */
export const MIN_BUSY_SHARE = 0.5;

/** What a worker reported last, and the time that it has spent on images that it has not reported yet. */
interface Reported {
  status: WorkerStatus;
  busyMs: number;
}

interface KnownJob {
  attempt: number;
  /** Its images have been counted as arrived: their number is known once the job is sealed. */
  isCounted: boolean;
}

interface Arriving extends Arrived {
  ids: string[];
}

export class WorkMeter {
  readonly costs = new ImageCosts();
  /** The newest last. */
  readonly #known = new Map<string, KnownJob>();
  /** Images of the unfinished jobs. */
  #done = new Map<string, number>();
  #workers = new Map<string, Reported>();
  #interactiveDone = 0;
  #isFirstLook = true;

  /**
   * @param assumedMs the cost of an image of an unknown model.
   * @param found workers that were there before the first look and are read for the first time: their work is no arrival.
   * @returns the work that arrived since the last look.
   */
  observe(
    statuses: readonly WorkerStatus[],
    records: readonly JobRecord[],
    assumedMs: number,
    found: ReadonlySet<string> = new Set(),
  ): Arrived {
    const arrived: Arriving = { jobs: 0, ids: [], workMs: 0 };
    for (const record of records) this.#look(record, assumedMs, arrived);
    const isFound = ({ id }: WorkerStatus) => this.#isFirstLook || found.has(id);
    this.#countDone(statuses, { assumedMs, arrived, isFound });
    this.#done = new Map(records.map(({ id }) => [id, this.#done.get(id) ?? 0]));
    this.#isFirstLook = false;
    return arrived;
  }

  /** These jobs and their progress, as of the last look. */
  jobs(records: readonly JobRecord[]): ObservedJob[] {
    return records.map((record) => ({
      id: record.id,
      totalImages: attemptTotal(record),
      doneImages: this.#done.get(record.id) ?? 0,
    }));
  }

  #look(record: JobRecord, assumedMs: number, arrived: Arriving): void {
    const { id, attempt } = record;
    const known = this.#known.get(id);
    const isNew = known?.attempt !== attempt;
    if (isNew) {
      arrived.jobs++;
      arrived.ids.push(id);
      this.#done.set(id, 0);
      this.costs.setModel(id, record.model.sha256, assumedMs);
    }
    const total = attemptTotal(record);
    if (total !== undefined && (isNew || !known.isCounted))
      arrived.workMs += total * this.costs.msPerImage(id, assumedMs);
    this.#know(id, { attempt, isCounted: total !== undefined });
  }

  #know(id: string, job: KnownJob): void {
    this.#known.delete(id);
    this.#known.set(id, job);
    const [oldest] = this.#known.keys();
    if (this.#known.size > KEPT_JOBS && oldest !== undefined) this.#known.delete(oldest);
  }

  #countDone(
    statuses: readonly WorkerStatus[],
    {
      assumedMs,
      arrived,
      isFound,
    }: { assumedMs: number; arrived: Arriving; isFound(status: WorkerStatus): boolean },
  ): void {
    const workers = new Map<string, Reported>();
    let interactiveDone = 0;
    let interactiveFound = 0;
    for (const status of statuses) {
      const before = this.#workers.get(status.id);
      const images = imagesByJobDelta(before === undefined ? [] : [before.status], [status]);
      const busyMs = this.#busyMs(before, status);
      const isMeasured = before !== undefined && (status.busyShare ?? 0) >= MIN_BUSY_SHARE;
      const hasImages = Object.keys(images).length > 0;
      if (isMeasured && hasImages) this.costs.add(images, busyMs, assumedMs);
      workers.set(status.id, { status, busyMs: hasImages ? 0 : busyMs });
      interactiveDone += status.interactiveDone ?? 0;
      if (isFound(status)) interactiveFound += status.interactiveDone ?? 0;
      this.#addDone(images, { assumedMs, arrived, isFound: isFound(status) });
    }
    if (interactiveDone - interactiveFound > this.#interactiveDone) arrived.jobs++;
    this.#interactiveDone = interactiveDone;
    this.#workers = workers;
  }

  /** Since the last report with images. */
  #busyMs(before: Reported | undefined, { startedAtMs, updatedAtMs, busyShare = 0 }: WorkerStatus): number {
    if (before?.status.startedAtMs !== startedAtMs) return 0;
    return before.busyMs + busyShare * Math.max(0, updatedAtMs - before.status.updatedAtMs);
  }

  /** Work that arrived and was done between two looks is seen only in the workers' reports. */
  #addDone(
    images: ImagesByJob,
    { assumedMs, arrived, isFound }: { assumedMs: number; arrived: Arriving; isFound: boolean },
  ): void {
    for (const [job, count] of Object.entries(images)) {
      const done = this.#done.get(job);
      if (done !== undefined) this.#done.set(job, done + count);
      // Dropped images have no record. A job without one that is known is over, and this is the rest of it.
      if (done !== undefined || isFound || (this.#known.has(job) && !isDropJob(job))) continue;
      arrived.jobs++;
      arrived.ids.push(job);
      arrived.workMs += count * this.costs.msPerImage(job, assumedMs);
      this.#know(job, { attempt: FIRST_ATTEMPT, isCounted: true });
    }
  }
}

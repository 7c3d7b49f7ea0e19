import type { ClassifiedBy, Cloud } from '../core/cloud/ports.ts';
import { attemptTotal, type JobRecord, type ManifestEntry } from '../core/job/job.ts';
import { sealJob } from '../core/job/job-record.ts';
import { JobStates } from '../core/job/job-states.ts';
import { markAnnounced, otherSubmitterError, writePart } from '../core/job/manifest.ts';
import { sendRequests } from '../core/job/requests.ts';
import type { ResponseAddress } from '../core/job/responses.ts';
import { isError } from '../core/model/outcome.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { PreconditionFailedError } from '../core/runtime/errors.ts';
import { answerKnown } from './answer-known.ts';
import { batchWithDeadline } from './batch-with-deadline.ts';
import { InFlight } from './in-flight.ts';
import { partSize } from './plan.ts';
import type { StoredImage } from './store-image.ts';

/** A part is announced after this long, however few images it has: a slow source must not delay its first images. */
const PART_MS = 1000;

/**
 * Parts whose requests are sent at a time. A part is written with one request, and its images are announced with three or
 * four, so that with more the next part would wait to be written. After a kill so many parts are announced again.
 */
const PARTS_AT_ONCE = 4;

/** Progress of a submission. */
export interface SubmitProgress {
  /** Images whose bytes are in the store. */
  stored: number;
  /** Images that workers can classify. */
  announced: number;
  /** Bytes that were stored; none for files that are read in place. */
  sentBytes: number;
  /** Images that could not be read: they have an error. */
  unreadable: number;
  /** Images that got the outcome that an earlier job has for them. */
  known: number;
}

/** What an earlier process has already announced of an attempt. */
export interface AnnouncedTotal {
  images: number;
  parts: number;
}

export interface AnnounceOptions {
  cloud: Cloud;
  /** An open job, in the attempt to announce. */
  job: JobRecord;
  /** Announced by an earlier process. */
  before: AnnouncedTotal;
  /** Where the waiter takes responses. Absent if there is no waiter. */
  responses?: ResponseAddress;
  /** How images were classified that count as known. Absent: none does. */
  by?: ClassifiedBy;
  /** Called before requests are sent: from now on workers are needed. */
  onRequest?(): void;
  clock: Clock;
  onProgress?(progress: SubmitProgress): void;
  signal?: AbortSignal;
}

/**
 * Announces images in order, part by part. A part is written to the manifest before its requests are sent, and marked
 * after that. While the requests of some parts are sent, the next ones are written: one after the other, because a kill
 * must leave no gap in the manifest. At the end the job is sealed.
 * @param images opens the images. They end when the signal aborts: a part could not be announced, or the job was cancelled.
 * @returns the job record: sealed, or cancelled if it was cancelled meanwhile.
 * @throws {ImgclsError} of kind `permanent` when another submitter has announced images or sealed the job meanwhile.
 */
export async function announceAll(
  images: (ended: AbortSignal) => AsyncIterable<StoredImage>,
  options: AnnounceOptions,
): Promise<JobRecord> {
  const { cloud, job, before, clock, signal } = options;
  const states = new JobStates(cloud.output, clock);
  const progress = { stored: before.images, announced: before.images, sentBytes: 0, unreadable: 0, known: 0 };
  const sending = new InFlight(PARTS_AT_ONCE);
  const ended = new AbortController();
  let part: ManifestEntry[] = [];
  let parts = before.parts;
  const add = ({ entry, sentBytes }: StoredImage) => {
    part.push(entry);
    progress.stored++;
    progress.sentBytes += sentBytes;
    if (isError(entry)) progress.unreadable++;
    options.onProgress?.(progress);
  };
  const close = async () => {
    const entries = part;
    const place = { attempt: job.attempt, part: parts++ };
    part = [];
    await writePart(cloud.output, job.id, place, entries, signal).catch((error: unknown) => {
      ended.abort(error);
      throw error instanceof PreconditionFailedError ? otherSubmitterError(job.id, error) : error;
    });
    await sending.start(async () => {
      const known = await announceEntries(entries, options);
      // Others have counted meanwhile.
      progress.known += known;
      await markAnnounced(cloud.output, job.id, place, signal);
      progress.announced += entries.length;
      options.onProgress?.(progress);
    });
  };
  const starts = () => part.length === 1;
  const source = images(AbortSignal.any([sending.failed, ended.signal]));
  try {
    for await (const image of batchWithDeadline(source, { clock, ms: PART_MS, starts })) {
      if (image !== 'late') add(image);
      const isDue = image === 'late' || part.length >= partSize(parts);
      if (isDue && part.length > 0) await close();
      if (!isDue || !(await states.isCancelled(job.id))) continue;
      // The end of a loop waits for its source, which may be a slow server.
      ended.abort();
      break;
    }
    if (part.length > 0) await close();
  } finally {
    // Its failure has ended the loop.
    await sending.end();
  }
  return await sealAttempt(cloud, job, progress.announced);
}

/** Seals the job. @throws {ImgclsError} of kind `permanent` when it was sealed with another number of images. */
export async function sealAttempt(
  { output }: Pick<Cloud, 'output'>,
  { id, attempt }: JobRecord,
  images: number,
): Promise<JobRecord> {
  const record = await sealJob(output, id, images);
  const total = record.attempt === attempt ? attemptTotal(record) : undefined;
  if (total !== undefined && total !== images) throw otherSubmitterError(id);
  return record;
}

/** Writes the outcomes of the images that are known, and sends the requests of the others. @returns how many are known. */
export async function announceEntries(
  entries: readonly ManifestEntry[],
  options: Pick<AnnounceOptions, 'cloud' | 'job' | 'by' | 'responses' | 'onRequest' | 'signal'>,
): Promise<number> {
  const { cloud, job, onRequest } = options;
  const unknown = await answerKnown(entries, options);
  if (unknown.length > 0) {
    onRequest?.();
    await sendRequests(cloud, job, unknown, options);
  }
  return entries.length - unknown.length;
}

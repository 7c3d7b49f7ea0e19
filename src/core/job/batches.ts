/** How the images of a job are grouped: into batches, one for each request message, and small ones into packs. Pure. */

/** A request message that every version of imgcls reads has at most so many images. */
export const SMALL_BATCH = 16;

/** Maximum number of images in a request message, and in a shard. */
export const MAX_BATCH = 64;

/**
 * Batches grow with the job. The first ones are small: many machines get work at once, and the first results come soon. In
 * a long job a message, its shard and its response cost an image less. Each size applies from one index to the next. These
 * are also the ends of manifest parts (see upload/plan.ts), so that no part cuts a batch.
 */
const STAGES = [
  { from: 0, size: SMALL_BATCH },
  { from: 112, size: 32 },
  { from: 496, size: MAX_BATCH },
];

const stageOf = (index: number) =>
  STAGES.findLast(({ from }) => from <= index) ?? { from: 0, size: SMALL_BATCH };

/**
 * One past the last image of the batch of an image. It depends on the image's index alone: a resume, a retry and the
 * controller put it into the same batch as the first submission.
 */
export function batchEnd(index: number): number {
  const { from, size } = stageOf(index);
  return index + size - ((index - from) % size);
}

/** Number of batches of so many images of a job, from the image with the index `first` on. */
export function batchCount(images: number, first = 0): number {
  let count = 0;
  for (let at = first; at < first + images; at = batchEnd(at)) count++;
  return count;
}

/** The most images in a batch of a job with so many images. */
export const largestBatch = (images: number): number => Math.min(images, stageOf(images - 1).size);

/** The progress of a job. */
export interface Progress {
  done: number;
  /** Undefined while its images are still being announced. */
  total: number | undefined;
}

/** Estimates the images in so many messages of jobs: as many as the jobs have left, and as the messages can have. */
export function imagesIn(messages: number, jobs: readonly Progress[]): number {
  const most = jobs.map(({ done }) => {
    let end = done;
    for (let count = 0; count < messages; count++) end = batchEnd(end);
    return end - done;
  });
  const left = jobs.map(({ done, total = Number.POSITIVE_INFINITY }) => Math.max(0, total - done));
  return Math.min(
    Math.max(...most),
    left.reduce((sum, images) => sum + images, 0),
  );
}

/** Maximum size of a pack. A batch of photographs of 100 KB has 6.4 MB, and a submitter holds a few packs in memory. */
export const MAX_PACK_BYTES = 8 * 1024 * 1024;

/**
 * Images below this size are packed: those of one batch go into one object, one behind the other. On S3 a request costs as
 * much as keeping a photograph of 100 KB for two months. On one machine requests are free, and an image of its own is
 * stored once for all jobs and read by the runner itself.
 */
export const PACKED_BELOW_BYTES = { aws: MAX_PACK_BYTES, local: 32 * 1024 } as const;

/** Whether an image is packed. An empty one is not, so that no range of a pack is empty. */
export const isPackable = (bytes: number, packBelowBytes: number): boolean =>
  bytes > 0 && bytes < packBelowBytes;

/** Workers of an older imgcls read no larger pack. */
export const SMALL_PACK_BYTES = 512 * 1024;

/** The room in the packs of one batch. */
export class PackRoom {
  #leftBytes = 0;

  /** Adds an image. @returns whether it begins a new pack. */
  opens(bytes: number): boolean {
    const isNew = bytes > this.#leftBytes;
    this.#leftBytes = (isNew ? MAX_PACK_BYTES : this.#leftBytes) - bytes;
    return isNew;
  }
}

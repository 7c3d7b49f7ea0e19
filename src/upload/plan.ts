import { SMALL_BATCH } from '../core/job/batches.ts';

/** Maximum number of images in a manifest part: a million images make about a thousand parts. */
export const MAX_PART = 1024;

/** Maximum number of images in a job: the keys of shards have nine digits for an index. */
export const MAX_JOB_IMAGES = 1_000_000_000;

/**
 * Number of images in the `part`-th manifest part. The first is one batch, so that work starts at once. Each part is twice
 * as large as the one before, so that a large job has few parts.
 */
export const partSize = (part: number): number => Math.min(MAX_PART, SMALL_BATCH * 2 ** Math.min(part, 16));

/** Number of parts of the manifest of so many images. */
export function partCount(images: number): number {
  let parts = 0;
  for (let left = images; left > 0; left -= partSize(parts++));
  return parts;
}

import { Readable } from 'node:stream';
import { batchEnd, SMALL_BATCH } from '../core/job/batches.ts';
import type { JobRecord } from '../core/job/job.ts';
import { Budget } from '../core/runtime/budget.ts';
import { type AnnouncedTotal, type AnnounceOptions, announceAll } from './announce.ts';
import { inGroups } from './batch-with-deadline.ts';
import { FileReader } from './file-reader.ts';
import type { Input } from './inputs.ts';
import type { ReadTools } from './retry-shortage.ts';
import { storeGroup } from './store-group.ts';
import type { StoredImage } from './store-image.ts';

/** How long small images wait for others to be packed with. */
const GROUP_MS = 100;

export interface UploadImagesOptions extends AnnounceOptions, Pick<ReadTools, 'random' | 'onTransient'> {
  concurrency: number;
  maxImageBytes: number;
  packBelowBytes?: number;
}

/** For a new job. */
export const NOTHING_ANNOUNCED: AnnouncedTotal = { images: 0, parts: 0 };

/**
 * Stores the images, `concurrency` at a time, and announces them in order while later ones are still being read.
 * @param inputs those that were not announced before.
 * @returns the job record: sealed, or cancelled if it was cancelled meanwhile.
 */
export async function uploadImages(
  inputs: AsyncIterable<Input>,
  options: UploadImagesOptions,
): Promise<JobRecord> {
  const { cloud, job, before, concurrency, clock, signal } = options;
  let index = before.images;
  const endOf = (place: number) => batchEnd(before.images + place) - before.images;
  const groups = inGroups(inputs, { endOf, ms: GROUP_MS, clock });
  const slots = new Budget(concurrency);
  const reader = new FileReader(clock);
  const ended = signal ?? new AbortController().signal;
  const storing = new Set<Promise<StoredImage[]>>();
  const stored = Readable.from(groups).flatMap(
    async (group: Input[]) => {
      const images = group.map((input) => ({ index: index++, input }));
      const one = storeGroup(images, {
        ...options,
        input: cloud.input,
        forJob: job.id,
        localFiles: job.localFiles,
        reader,
        slots,
        signal: ended,
      });
      storing.add(one);
      try {
        return await one;
      } finally {
        storing.delete(one);
      }
    },
    // Reads the next groups while one is stored.
    { concurrency: 1 + Math.ceil(concurrency / SMALL_BATCH), ...(signal && { signal }) },
  ) as AsyncIterable<StoredImage>;
  try {
    return await announceAll(stored, options);
  } finally {
    // After a failure some are still being stored. Nothing may be written for the job once this has ended.
    await Promise.allSettled(storing);
  }
}

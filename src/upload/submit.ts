import { Readable } from 'node:stream';
import type { JobRecord } from '../core/job.ts';
import { type Announced, type AnnounceOptions, announceAll } from './announce.ts';
import type { Input } from './inputs.ts';
import { type StoredImage, storeImage } from './store-image.ts';

export interface SubmitOptions extends AnnounceOptions {
  concurrency: number;
  maxImageBytes: number;
}

/** Of a job that is new. */
export const NOTHING: Announced = { images: 0, parts: 0 };

/**
 * Stores the images, `concurrency` at a time, and announces them in order while later ones are still being read.
 * @param inputs those that were not announced before.
 * @returns the job record: sealed, or cancelled where somebody did that meanwhile.
 */
export async function submit(inputs: AsyncIterable<Input>, options: SubmitOptions): Promise<JobRecord> {
  const { cloud, before, concurrency, signal } = options;
  let index = before.images;
  const stored = Readable.from(inputs).map(
    (input: Input) => storeImage({ index: index++, input }, { ...options, input: cloud.input }),
    { concurrency, ...(signal && { signal }) },
  ) as AsyncIterable<StoredImage>;
  return await announceAll(stored, options);
}

import { Readable } from 'node:stream';
import { batchEnd, MAX_PACK_BYTES, PACKED_BELOW_BYTES } from '../core/job/batches.ts';
import type { JobRecord } from '../core/job/job.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import { type AnnouncedTotal, type AnnounceOptions, announceAll } from './announce.ts';
import { inGroups } from './batch-with-deadline.ts';
import { FileReader } from './file-reader.ts';
import type { Input } from './inputs.ts';
import { MAX_JOB_IMAGES } from './plan.ts';
import { ReuseGuess } from './put-content.ts';
import type { ReadTools } from './retry-shortage.ts';
import { type JobImage, storeGroup } from './store-group.ts';
import type { StoredImage } from './store-image.ts';
import { LazyFetcher } from './web/lazy-fetcher.ts';

/** How long images wait for others to be packed with. */
const GROUP_MS = 100;

/** Images of one batch that are read at a time. Each batch that is being stored may hold a pack in memory, so these are few. */
const READ_AT_ONCE = 4;

export interface StoringOptions {
  concurrency: number;
  maxImageBytes: number;
  /** Default: {@link PACKED_BELOW_BYTES}. */
  packBelowBytes?: number;
  /** Hosts that web addresses may name. Default: those of the job's record, or all. */
  allowUrls?: readonly string[];
}

export type UploadImagesOptions = AnnounceOptions &
  StoringOptions &
  Pick<ReadTools, 'random' | 'onTransient'>;

/** For a new job. */
export const NOTHING_ANNOUNCED: AnnouncedTotal = { images: 0, parts: 0 };

/** As {@link uploadJobImages}, for the inputs of a job behind those that were announced before. */
export const uploadImages = (
  inputs: AsyncIterable<Input>,
  options: UploadImagesOptions,
): Promise<JobRecord> => uploadJobImages(numbered(inputs, options), options);

async function* numbered(
  inputs: AsyncIterable<Input>,
  { job, before }: Pick<UploadImagesOptions, 'job' | 'before'>,
): AsyncGenerator<JobImage> {
  let index = before.images;
  for await (const input of inputs) {
    if (index === MAX_JOB_IMAGES) throw tooManyImages(job.id);
    yield { index: index++, input };
  }
}

export const tooManyImages = (job: string): ImgclsError =>
  new ImgclsError('permanent', `Job ${job} has 1,000,000,000 images, and no job can have more.`, {
    hint: 'Submit the other images as a job of their own.',
  });

/**
 * Stores the images, `concurrency` at a time, and announces them in order while later ones are still being read.
 * @param images in index order.
 * @returns the job record: sealed, or cancelled if it was cancelled meanwhile.
 */
export async function uploadJobImages(
  images: AsyncIterable<JobImage>,
  options: UploadImagesOptions,
): Promise<JobRecord> {
  const { cloud, job, concurrency, clock, signal } = options;
  const { packBelowBytes = PACKED_BELOW_BYTES[cloud.kind], allowUrls = job.allowUrls } = options;
  const batches = inGroups(images, { startsGroup, endsGroup, ms: GROUP_MS, clock });
  const atOnce = Math.min(READ_AT_ONCE, concurrency);
  const fetcher = new LazyFetcher({ ...options, allowUrls });
  const shared = { packBelowBytes, atOnce, reader: new FileReader(clock), fetcher, reuse: new ReuseGuess() };
  const storing = new Set<Promise<StoredImage[]>>();
  const store = async (batch: JobImage[], ending: AbortSignal): Promise<StoredImage[]> => {
    const one = storeGroup(batch, {
      ...options,
      input: cloud.input,
      forJob: job.id,
      localFiles: job.localFiles,
      signal: ending,
      ...shared,
    });
    storing.add(one);
    try {
      return await one;
    } finally {
      storing.delete(one);
    }
  };
  const stored = (ended: AbortSignal) => {
    const ending = signal === undefined ? ended : AbortSignal.any([signal, ended]);
    const tools = { concurrency: Math.ceil(concurrency / atOnce), signal: ending };
    return Readable.from(batches).flatMap(
      (batch) => store(batch, ending),
      tools,
    ) as AsyncIterable<StoredImage>;
  };
  try {
    return await announceAll(stored, options);
  } finally {
    // After a failure some are still being stored. Nothing may be written for the job once this has ended.
    await Promise.allSettled(storing);
    await fetcher.close();
  }
}

/** The images of a retry have gaps. Those that a program passes are in memory, so of them a group has no more than a pack. */
const startsGroup = (image: JobImage, group: readonly JobImage[]): boolean =>
  image.index - 1 !== group.at(-1)?.index || heldBytes([...group, image]) > MAX_PACK_BYTES;
const heldBytes = (images: readonly JobImage[]): number =>
  images.reduce((sum, { input }) => sum + (input.kind === 'bytes' ? input.bytes.byteLength : 0), 0);
const endsGroup = ({ index }: JobImage): boolean => batchEnd(index) === index + 1;

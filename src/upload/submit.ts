import { Readable } from 'node:stream';
import type { Clock } from '../core/clock.ts';
import type { JobRecord, ManifestEntry } from '../core/job.ts';
import { sealJob } from '../core/job-record.ts';
import { announcedKey, manifestPartKey, requestQueueName } from '../core/keys.ts';
import { FIRST_ATTEMPT } from '../core/messages.ts';
import { isError } from '../core/outcome.ts';
import type { Cloud } from '../core/ports.ts';
import { type RequestHeader, toRequestImage, toRequests } from '../core/requests.ts';
import { FORMAT } from '../core/versioned.ts';
import type { Input } from './inputs.ts';
import { partSize } from './plan.ts';
import { type StoredImage, storeImage } from './store-image.ts';

/** A part is closed after so long, however few images it has: a slow source must not hold back what it gave. */
const PART_MS = 1000;

/** How far a submission is. */
export interface SubmitProgress {
  /** Images whose bytes are in the store. */
  stored: number;
  announced: number;
  sentBytes: number;
  unreadable: number;
}

export interface SubmitOptions {
  cloud: Cloud;
  /** As it was created. */
  job: JobRecord;
  /** The waiter's response queue; absent when nobody waits. */
  replyTo?: string;
  concurrency: number;
  maxImageBytes: number;
  clock: Clock;
  onProgress?(progress: SubmitProgress): void;
  signal?: AbortSignal;
}

/**
 * Stores the images, `concurrency` at a time, and announces them in order, part by part, while later ones are still
 * being read. A part is durable in the manifest before its batches are announced, and marked once they are.
 * @returns the sealed job record.
 */
export async function submit(inputs: AsyncIterable<Input>, options: SubmitOptions): Promise<JobRecord> {
  const { cloud, job, clock, concurrency, signal } = options;
  const progress: SubmitProgress = { stored: 0, announced: 0, sentBytes: 0, unreadable: 0 };
  let index = 0;
  const imageOptions = { ...options, input: cloud.input, nowMs: () => clock.nowMs() };
  const stored = Readable.from(inputs).map((input: Input) => storeImage(index++, input, imageOptions), {
    concurrency,
    ...(signal && { signal }),
  }) as AsyncIterable<StoredImage>;

  let part: ManifestEntry[] = [];
  let parts = 0;
  const add = ({ entry, sentBytes }: StoredImage) => {
    part.push(entry);
    progress.stored++;
    progress.sentBytes += sentBytes;
    if (isError(entry)) progress.unreadable++;
    options.onProgress?.(progress);
  };
  const close = async () => {
    await announcePart(part, parts++, options);
    progress.announced += part.length;
    options.onProgress?.(progress);
    part = [];
  };
  for await (const image of orLate(stored, clock, () => part.length === 1)) {
    if (image !== 'late') add(image);
    const isDue = image === 'late' || part.length >= partSize(parts);
    if (isDue && part.length > 0) await close();
  }
  if (part.length > 0) await close();
  return await sealJob(cloud.output, job.id, index);
}

/**
 * The items, and `late` when {@link PART_MS} have passed since the last one for which `starts` was true.
 * The source is not asked for another item while one is on its way.
 */
async function* orLate<T>(
  items: AsyncIterable<T>,
  clock: Clock,
  starts: () => boolean,
): AsyncGenerator<T | 'late'> {
  const source = items[Symbol.asyncIterator]();
  let timer = new AbortController();
  let late: Promise<'late'> | undefined;
  try {
    let next = source.next();
    for (;;) {
      const found = await Promise.race(late === undefined ? [next] : [next, late]);
      if (found === 'late') {
        late = undefined;
        yield 'late';
        continue;
      }
      if (found.done === true) return;
      next = source.next();
      // Its failure is met when its turn comes.
      next.catch(() => {});
      yield found.value;
      if (!starts()) continue;
      timer.abort();
      timer = new AbortController();
      late = clock.sleep(PART_MS, timer.signal).then(() => 'late');
    }
  } finally {
    timer.abort();
    await source.return?.();
  }
}

async function announcePart(
  part: readonly ManifestEntry[],
  number: number,
  options: SubmitOptions,
): Promise<void> {
  const { cloud, job, replyTo, signal } = options;
  const header: RequestHeader = {
    v: FORMAT,
    job: job.id,
    attempt: FIRST_ATTEMPT,
    model: job.model,
    topK: job.topK,
    ...(replyTo !== undefined && { replyTo }),
  };
  const lines = part.map((entry) => `${JSON.stringify(entry)}\n`).join('');
  const abortable = signal === undefined ? {} : { signal };
  await cloud.output.put(manifestPartKey(job.id, number), Buffer.from(lines), abortable);
  const messages = toRequests(header, part.map(toRequestImage)).map((body) => ({ body, groupId: job.id }));
  await cloud.queues.open(requestQueueName(cloud.cluster)).send(messages, signal);
  await cloud.output.put(announcedKey(job.id, number), new Uint8Array(), abortable);
}

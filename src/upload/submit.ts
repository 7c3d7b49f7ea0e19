import { Readable } from 'node:stream';
import type { JobRecord, ManifestEntry } from '../core/job.ts';
import { sealJob } from '../core/job-record.ts';
import { announcedKey, manifestPartKey, requestQueueName } from '../core/keys.ts';
import { FIRST_ATTEMPT } from '../core/messages.ts';
import { isError } from '../core/outcome.ts';
import type { Cloud } from '../core/ports.ts';
import { FORMAT } from '../core/versioned.ts';
import type { Input } from './inputs.ts';
import { partSize, type RequestHeader, toRequestImage, toRequests } from './plan.ts';
import { storeImage } from './store-image.ts';

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
  nowMs(): number;
  onProgress?(progress: SubmitProgress): void;
  signal?: AbortSignal;
}

/**
 * Stores the images, `concurrency` at a time, and announces them in order, part by part, while later ones are still
 * being read. A part is durable in the manifest before its batches are announced, and marked once they are.
 * @returns the sealed job record.
 */
export async function submit(inputs: AsyncIterable<Input>, options: SubmitOptions): Promise<JobRecord> {
  const { cloud, job, concurrency, signal } = options;
  const progress: SubmitProgress = { stored: 0, announced: 0, sentBytes: 0, unreadable: 0 };
  let index = 0;
  const imageOptions = { ...options, input: cloud.input };
  const stored = Readable.from(inputs).map((input: Input) => storeImage(index++, input, imageOptions), {
    concurrency,
    ...(signal && { signal }),
  }) as AsyncIterable<Awaited<ReturnType<typeof storeImage>>>;

  let part: ManifestEntry[] = [];
  let parts = 0;
  let partStartMs = options.nowMs();
  const close = async () => {
    await announcePart(part, parts++, options);
    progress.announced += part.length;
    options.onProgress?.(progress);
    part = [];
    partStartMs = options.nowMs();
  };
  for await (const { entry, sentBytes } of stored) {
    part.push(entry);
    progress.stored++;
    progress.sentBytes += sentBytes;
    if (isError(entry)) progress.unreadable++;
    options.onProgress?.(progress);
    if (part.length >= partSize(parts) || options.nowMs() - partStartMs >= PART_MS) await close();
  }
  if (part.length > 0) await close();
  return await sealJob(cloud.output, job.id, index);
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

import type { Body, Store } from '../core/cloud/ports.ts';
import { imageKey } from '../core/job/keys.ts';
import { REFRESH_AFTER_MS } from '../core/job/retention.ts';
import type { Clock } from '../core/runtime/clock.ts';
import type { StoredInput } from './inputs.ts';

/** Bytes and their digest. */
export interface Content {
  sha256: string;
  body: Body;
}

export interface PutContentOptions {
  input: Store;
  clock: Pick<Clock, 'nowMs'>;
  /** The job that the content is for. Without it, the content stays until it expires by age. */
  forJob?: string;
  signal?: AbortSignal;
}

/** Stands for jobs that are not known yet, and that are never deleted. */
const UNKNOWN_JOB = '';

/** Identifies content of the input bucket. */
export interface ContentRef {
  sha256: string;
  bytes: number;
}

/**
 * Finds content in the input bucket, and refreshes it if it is so old that it might expire during a job. Undefined if it is
 * missing, or if the object differs from it in size or in the bucket's own checksum.
 */
export async function findContent(
  { sha256, bytes }: ContentRef,
  { input, clock, forJob = UNKNOWN_JOB, signal }: PutContentOptions,
): Promise<StoredInput | undefined> {
  const key = imageKey(sha256);
  const there = await input.head(key, signal);
  if (there?.bytes !== bytes || (there.sha256 ?? sha256) !== sha256) return undefined;
  // Deleted meanwhile, with the last job that needed it.
  if ((await input.keepFor?.(key, forJob, signal)) === false) return undefined;
  if (clock.nowMs() - there.modifiedAtMs > REFRESH_AFTER_MS) await input.refresh(key, signal);
  return { kind: 'stored', bucket: input.bucket, key, sha256, bytes };
}

/**
 * Stores the bytes in the input bucket under their sha256, unless it has them.
 * @returns their location, and how many bytes were sent.
 */
export async function putContent(
  { sha256, body }: Content,
  options: PutContentOptions,
): Promise<StoredInput & { sentBytes: number }> {
  const { input, forJob = UNKNOWN_JOB, signal } = options;
  const bytes = body instanceof Uint8Array ? body.byteLength : body.bytes;
  const found = await findContent({ sha256, bytes }, options);
  if (found !== undefined) return { ...found, sentBytes: 0 };
  const key = imageKey(sha256);
  await input.put(key, body, { forJob, ...(signal && { signal }) });
  return { kind: 'stored', bucket: input.bucket, key, sha256, bytes, sentBytes: bytes };
}

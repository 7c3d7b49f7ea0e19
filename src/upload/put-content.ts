import type { Body, Store } from '../core/cloud/ports.ts';
import { imageKey } from '../core/job/keys.ts';
import { refreshDueMs } from '../core/job/retention.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { PreconditionFailedError } from '../core/runtime/errors.ts';
import type { StoredInput } from './inputs.ts';

/** Bytes and their digest. */
export interface Content {
  sha256: string;
  body: Body;
}

export interface PutContentOptions {
  input: Store;
  clock: Pick<Clock, 'nowMs'>;
  /** Default: the bucket has none. */
  reuse?: ReuseGuess;
  /** The job that the content is for. Without it, the content stays until it expires by age. */
  forJob?: string;
  signal?: AbortSignal;
}

/**
 * Guesses whether the bucket has the next content: as it had the last one. New photographs are put without a request to look
 * them up, and those of a folder that is uploaded again are looked up, which sends no bytes.
 */
export class ReuseGuess {
  expected = false;
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
  if (clock.nowMs() > refreshDueMs(there)) await input.refresh(key, signal);
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
  const { input, forJob = UNKNOWN_JOB, reuse = new ReuseGuess(), signal } = options;
  const bytes = body instanceof Uint8Array ? body.byteLength : body.bytes;
  const key = imageKey(sha256);
  const stored = { kind: 'stored', bucket: input.bucket, key, sha256, bytes, sentBytes: bytes } as const;
  const putting = { forJob, ...(signal && { signal }) };
  if (!reuse.expected) {
    try {
      await input.put(key, body, { only: 'absent', ...putting });
      return stored;
    } catch (error) {
      if (!(error instanceof PreconditionFailedError)) throw error;
    }
  }
  const found = await findContent({ sha256, bytes }, options);
  reuse.expected = found !== undefined;
  if (found !== undefined) return { ...found, sentBytes: 0 };
  // The bucket has not this content, or has other bytes under its key.
  await input.put(key, body, putting);
  return stored;
}

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
  signal?: AbortSignal;
}

/** Identifies content of the input bucket. */
export interface ContentRef {
  sha256: string;
  bytes: number;
}

/**
 * Where content is that the input bucket has, fresh enough for a job to rely on it. Undefined where it is not there, or
 * where something else is: fewer bytes, or others by the bucket's own account.
 */
export async function findContent(
  { sha256, bytes }: ContentRef,
  { input, clock, signal }: PutContentOptions,
): Promise<StoredInput | undefined> {
  const key = imageKey(sha256);
  const there = await input.head(key, signal);
  if (there?.bytes !== bytes || (there.sha256 ?? sha256) !== sha256) return undefined;
  if (clock.nowMs() - there.modifiedAtMs > REFRESH_AFTER_MS) await input.refresh(key, signal);
  return { kind: 'stored', bucket: input.bucket, key, sha256, bytes };
}

/**
 * Sees to it that the bytes are in the input bucket under their sha256; what is there already is not sent again.
 * @returns where they are; `sentBytes` went there now.
 */
export async function putContent(
  { sha256, body }: Content,
  options: PutContentOptions,
): Promise<StoredInput & { sentBytes: number }> {
  const { input, signal } = options;
  const bytes = body instanceof Uint8Array ? body.byteLength : body.bytes;
  const found = await findContent({ sha256, bytes }, options);
  if (found !== undefined) return { ...found, sentBytes: 0 };
  const key = imageKey(sha256);
  await input.put(key, body, signal === undefined ? {} : { signal });
  return { kind: 'stored', bucket: input.bucket, key, sha256, bytes, sentBytes: bytes };
}

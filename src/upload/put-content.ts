import type { Clock } from '../core/clock.ts';
import { imageKey } from '../core/keys.ts';
import type { Body, Store } from '../core/ports.ts';
import { REFRESH_AFTER_MS } from '../core/retention.ts';
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

/**
 * Sees to it that the bytes are in the input bucket under their sha256; what is there already is not sent again.
 * @returns where they are; `sentBytes` went there now.
 */
export async function putContent(
  { sha256, body }: Content,
  { input, clock, signal }: PutContentOptions,
): Promise<StoredInput & { sentBytes: number }> {
  const key = imageKey(sha256);
  const bytes = body instanceof Uint8Array ? body.byteLength : body.bytes;
  const stored = { kind: 'stored' as const, bucket: input.bucket, key, sha256, bytes };
  const there = await input.head(key, signal);
  if (there?.bytes === bytes) {
    if (clock.nowMs() - there.modifiedAtMs > REFRESH_AFTER_MS) await input.refresh(key, signal);
    return { ...stored, sentBytes: 0 };
  }
  await input.put(key, body, signal === undefined ? {} : { signal });
  return { ...stored, sentBytes: bytes };
}

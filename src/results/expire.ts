import type { ListedObject, Store } from '../core/cloud/ports.ts';
import type { JobRecord } from '../core/job/job.ts';
import { isDropJob, jobTimeMs } from '../core/job/job-ids.ts';
import { isFinal, readJob } from '../core/job/job-record.ts';
import { DEAD_LETTERS_PREFIX } from '../core/job/keys.ts';
import { DAY_MS, INPUT_RETENTION_MS, REFRESH_AFTER_MS } from '../core/job/retention.ts';
import { ObjectMissingError } from '../core/runtime/errors.ts';
import { listJobIds } from './job-list.ts';

export interface ExpiryOptions {
  nowMs: number;
  /** Jobs and dead letters that are over for longer have expired. */
  maxAgeMs: number;
  signal?: AbortSignal;
}

/** A job that can go, or one that is as old and may not: somebody has to say what becomes of it. */
export interface OldJob {
  id: string;
  kind: 'expired' | 'without record' | 'unfinished';
}

/** Jobs that are over since long, a day's dropped images among them, folders whose job was deleted in part, and unfinished jobs of the same age. */
export async function* oldJobs(output: Store, options: ExpiryOptions): AsyncGenerator<OldJob> {
  const { nowMs, maxAgeMs, signal } = options;
  for (const id of await listJobIds(output, signal)) {
    const ageMs = nowMs - jobTimeMs(id);
    if (isDropJob(id)) {
      // A day is over when it ends, and is nobody's to finish.
      if (ageMs >= DAY_MS + maxAgeMs) yield { id, kind: 'expired' };
      continue;
    }
    if (ageMs < Math.min(maxAgeMs, DAY_MS)) continue;
    const record = await recordOf(output, id, signal);
    if (record === undefined) {
      // One that is being submitted has its record within seconds.
      if (ageMs > DAY_MS) yield { id, kind: 'without record' };
      continue;
    }
    const overSinceMs = record.finishedAtMs ?? record.createdAtMs;
    if (nowMs - overSinceMs < maxAgeMs) continue;
    yield { id, kind: isFinal(record) ? 'expired' : 'unfinished' };
  }
}

async function recordOf(output: Store, id: string, signal?: AbortSignal): Promise<JobRecord | undefined> {
  try {
    return await readJob(output, id, signal);
  } catch (error) {
    if (error instanceof ObjectMissingError) return undefined;
    throw error;
  }
}

export async function* oldDeadLetters(output: Store, options: ExpiryOptions): AsyncGenerator<ListedObject> {
  const { nowMs, maxAgeMs, signal } = options;
  for await (const object of output.list(DEAD_LETTERS_PREFIX, signal && { signal }))
    if (nowMs - object.modifiedAtMs > maxAgeMs) yield object;
}

/**
 * Image bytes past their retention, as a bucket's own expiry would choose them, but for those that an unfinished job may
 * still need: when it was submitted they were at most {@link REFRESH_AFTER_MS} old.
 */
export async function* oldImages(
  { input, output }: { input: Store; output: Store },
  { nowMs, signal }: ExpiryOptions,
): AsyncGenerator<ListedObject> {
  let beforeMs = nowMs - INPUT_RETENTION_MS;
  for (const id of await listJobIds(output, signal)) {
    const record = await recordOf(output, id, signal);
    const isNeeded = record !== undefined && !isFinal(record);
    if (isNeeded) beforeMs = Math.min(beforeMs, record.createdAtMs - REFRESH_AFTER_MS);
  }
  for await (const object of input.list('images/', signal && { signal }))
    if (object.modifiedAtMs < beforeMs) yield object;
}

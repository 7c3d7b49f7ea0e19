import type { ListedObject, Store } from '../core/cloud/ports.ts';
import type { JobRecord } from '../core/job/job.ts';
import { isDropJob, jobTimeMs } from '../core/job/job-ids.ts';
import { isFinal, readJob } from '../core/job/job-record.ts';
import { DEAD_LETTERS_PREFIX } from '../core/job/keys.ts';
import { DAY_MS, INPUT_RETENTION_MS } from '../core/job/retention.ts';
import { isUnreadable, ObjectMissingError } from '../core/runtime/errors.ts';
import { listJobIds } from './job-list.ts';

export interface ExpiryOptions {
  nowMs: number;
  /** Jobs and dead letters that ended longer ago have expired. */
  maxAgeMs: number;
  signal?: AbortSignal;
}

/** A job to delete. If it is `unfinished`, or its record is `unreadable`, only a person can decide to delete it. */
export interface OldJob {
  id: string;
  kind: 'expired' | 'without record' | 'unfinished' | 'unreadable';
}

/** Expired jobs (including days of dropped images), folders of partly deleted jobs, and unfinished jobs of the same age. */
export async function* oldJobs(output: Store, options: ExpiryOptions): AsyncGenerator<OldJob> {
  const { nowMs, maxAgeMs, signal } = options;
  for (const id of await listJobIds(output, signal)) {
    const ageMs = nowMs - jobTimeMs(id);
    if (isDropJob(id)) {
      // A day of dropped images ends with the day.
      if (ageMs >= DAY_MS + maxAgeMs) yield { id, kind: 'expired' };
      continue;
    }
    if (ageMs < Math.min(maxAgeMs, DAY_MS)) continue;
    const record = await recordOf(output, id, signal);
    if (record === undefined) {
      // A job that is being submitted gets its record within seconds.
      if (ageMs > DAY_MS) yield { id, kind: 'without record' };
      continue;
    }
    if (record === 'unreadable') {
      if (ageMs >= maxAgeMs) yield { id, kind: 'unreadable' };
      continue;
    }
    const endedAtMs = record.finishedAtMs ?? record.createdAtMs;
    if (nowMs - endedAtMs < maxAgeMs) continue;
    yield { id, kind: isFinal(record) ? 'expired' : 'unfinished' };
  }
}

async function recordOf(
  output: Store,
  id: string,
  signal?: AbortSignal,
): Promise<JobRecord | 'unreadable' | undefined> {
  try {
    return await readJob(output, id, signal);
  } catch (error) {
    if (error instanceof ObjectMissingError) return undefined;
    if (isUnreadable(error)) return 'unreadable';
    throw error;
  }
}

export async function* oldDeadLetters(output: Store, options: ExpiryOptions): AsyncGenerator<ListedObject> {
  const { nowMs, maxAgeMs, signal } = options;
  for await (const object of output.list(DEAD_LETTERS_PREFIX, signal && { signal }))
    if (nowMs - object.modifiedAtMs > maxAgeMs) yield object;
}

/**
 * Image bytes past their retention, as a bucket's own expiry selects them. Keeps those that an unfinished job may need: at
 * its submission at least half of their time was left.
 */
export async function* oldImages(
  { input, output }: { input: Store; output: Store },
  { nowMs, signal }: Pick<ExpiryOptions, 'nowMs' | 'signal'>,
): AsyncGenerator<ListedObject> {
  let beforeMs = nowMs - INPUT_RETENTION_MS;
  for (const id of await listJobIds(output, signal)) {
    const record = await recordOf(output, id, signal);
    if (record === undefined) continue;
    // A job whose record cannot be read may be unfinished.
    const { createdAtMs, isOver } =
      record === 'unreadable'
        ? { createdAtMs: jobTimeMs(id), isOver: false }
        : { createdAtMs: record.createdAtMs, isOver: isFinal(record) };
    if (!isOver) beforeMs = Math.min(beforeMs, createdAtMs - INPUT_RETENTION_MS / 2);
  }
  for await (const object of input.list('images/', signal && { signal }))
    if (object.modifiedAtMs < beforeMs) yield object;
}

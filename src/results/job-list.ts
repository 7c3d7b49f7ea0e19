import { Readable } from 'node:stream';
import type { Cloud, Store } from '../core/cloud/ports.ts';
import { IndexRanges } from '../core/job/index-ranges.ts';
import { type JobRecord, jobId } from '../core/job/job.ts';
import { isDropJob, newerFirst } from '../core/job/job-ids.ts';
import { isInterrupted } from '../core/job/job-record.ts';
import { attemptPrefix, JOBS_PREFIX, parseShardKey } from '../core/job/keys.ts';
import { readJobCost } from '../core/money/job-cost.ts';
import { isUnreadable, messageOf, ObjectMissingError } from '../core/runtime/errors.ts';
import { countFailures } from './failures.ts';
import { type JobFacts, readFacts } from './job-facts.ts';
import { type ListedJob, listedJob } from './listed-job.ts';

/** A job that exists and cannot be read. */
export interface UnknownJob {
  id: string;
  /** Why. */
  unknown: string;
}

/** Jobs read at a time. */
const CONCURRENCY = 8;
const RATE_MS = 60_000;
/** A job without a new outcome for this long has no rate. */
const STALE_MS = 5 * 60_000;

/** The ids of all jobs, newest first. A day of dropped images sorts by its begin. */
export async function listJobIds(output: Store, signal?: AbortSignal): Promise<string[]> {
  const folders = await Array.fromAsync(output.listFolders(JOBS_PREFIX, signal));
  const ids = folders.filter((folder) => isDropJob(folder) || jobId.safeParse(folder).success);
  return ids.sort(newerFirst);
}

export interface ReadJobsOptions {
  /** Only jobs of this state. Another job takes one request, and one without a valid record is skipped. */
  state?: JobRecord['state'] | undefined;
  nowMs: number;
  signal?: AbortSignal;
}

/**
 * Reads these jobs, in their order. Skips the remains of deleted jobs. A finished job takes a few requests, whatever its
 * size.
 */
export function readJobs(
  { output, processes }: Pick<Cloud, 'output' | 'processes'>,
  ids: readonly string[],
  { state, nowMs, signal }: ReadJobsOptions,
): AsyncIterable<ListedJob | UnknownJob> {
  const read = async (id: string): Promise<(ListedJob | UnknownJob)[]> => {
    try {
      const facts = await readFacts(output, id, signal);
      if (state !== undefined && facts.state !== state) return [];
      const isCut = isInterrupted({ processes }, facts);
      return [await toListedJob(output, facts, { nowMs, signal, isInterrupted: isCut })];
    } catch (error) {
      signal?.throwIfAborted();
      const isSkipped = error instanceof ObjectMissingError || (state !== undefined && isUnreadable(error));
      return isSkipped ? [] : [{ id, unknown: messageOf(error) }];
    }
  };
  return Readable.from(ids).flatMap(read, { concurrency: CONCURRENCY, ...(signal && { signal }) });
}

async function toListedJob(
  output: Store,
  record: JobFacts,
  reading: { nowMs: number; signal: AbortSignal | undefined; isInterrupted: boolean },
): Promise<ListedJob> {
  const { nowMs, signal, isInterrupted } = reading;
  const errors = await countFailures(output, record, signal);
  const usd = await readJobCost(output, record.id, signal);
  // The ledger of a finished job need not be listed: every image has an outcome.
  const isFinished = record.state === 'finished';
  const progress = isFinished ? { images: 0 } : await progressOf(output, record, { nowMs, signal });
  return listedJob(record, { errors, usd, isInterrupted, ...progress });
}

/** Images of the present attempt with an outcome, and the recent rate, by the times of the ledger's objects. */
async function progressOf(
  output: Store,
  { id, attempt, createdAtMs }: JobFacts,
  { nowMs, signal }: { nowMs: number; signal: AbortSignal | undefined },
): Promise<{ images: number; imagesPerSecond?: number }> {
  const coverage = new IndexRanges();
  const bySecond = new Map<number, number>();
  let newestMs = Number.NEGATIVE_INFINITY;
  for await (const { key, modifiedAtMs } of output.list(attemptPrefix(id, attempt), signal && { signal })) {
    const range = parseShardKey(key);
    if (range === undefined) continue;
    coverage.add(range);
    newestMs = Math.max(newestMs, modifiedAtMs);
    const second = Math.floor(modifiedAtMs / 1000);
    bySecond.set(second, (bySecond.get(second) ?? 0) + range.last - range.first + 1);
  }
  if (nowMs - newestMs > STALE_MS) return { images: coverage.size };
  const sinceMs = Math.max(newestMs - RATE_MS, createdAtMs);
  let recent = 0;
  for (const [second, images] of bySecond) if (1000 * second >= sinceMs - 1000) recent += images;
  return { images: coverage.size, imagesPerSecond: (1000 * recent) / Math.max(1000, newestMs - sinceMs) };
}

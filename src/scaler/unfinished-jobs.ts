import { Readable } from 'node:stream';
import type { Store } from '../core/cloud/ports.ts';
import type { JobRecord } from '../core/job/job.ts';
import { listActiveJobs, readJob } from '../core/job/job-record.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { isUnreadable, ObjectMissingError } from '../core/runtime/errors.ts';
import { READS_AT_ONCE } from './statuses.ts';

/** The record of an open job is read again after this time, because the job may have been sealed, and its `--max-cost` raised. */
const OPEN_FRESH_MS = 10_000;

interface CachedRecord {
  record: JobRecord;
  readAtMs: number;
}

/** The unfinished jobs, listed by their markers. A record is read again only if it may have changed. */
export class UnfinishedJobs {
  readonly #output: Store;
  readonly #clock: Clock;
  #cache = new Map<string, CachedRecord>();

  constructor(output: Store, clock: Clock) {
    this.#output = output;
    this.#clock = clock;
  }

  /** @throws {ImgclsError} when they cannot be read. */
  async read(): Promise<JobRecord[]> {
    const entries: [string, CachedRecord][] = await Readable.from(listActiveJobs(this.#output))
      .flatMap(
        async (id: string) => {
          const entry = await this.#entry(id);
          return entry === undefined ? [] : [[id, entry]];
        },
        { concurrency: READS_AT_ONCE },
      )
      .toArray();
    this.#cache = new Map(entries);
    return entries.map(([, { record }]) => record);
  }

  async #entry(id: string) {
    const nowMs = this.#clock.monotonicMs();
    const before = this.#cache.get(id);
    if (before !== undefined && (!mayChange(before.record) || nowMs - before.readAtMs < OPEN_FRESH_MS))
      return before;
    try {
      const record = await readJob(this.#output, id);
      return record.id === id ? { record, readAtMs: nowMs } : undefined;
    } catch (error) {
      // The marker is written before the record.
      if (error instanceof ObjectMissingError) return undefined;
      // It must not hide the other jobs. "imgcls status" names it.
      if (isUnreadable(error)) return undefined;
      throw error;
    }
  }
}

const mayChange = ({ state, maxCostUsd }: JobRecord): boolean => state === 'open' || maxCostUsd !== undefined;

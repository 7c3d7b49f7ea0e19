import type { Store } from '../cloud/ports.ts';
import type { Clock } from '../runtime/clock.ts';
import { isUnreadable, ObjectMissingError } from '../runtime/errors.ts';
import { readJob } from './job-record.ts';

/** A cancellation is noticed after this long at the latest. */
const CACHE_MS = 10_000;

/** Size of the cache. The least recently used job is removed first. */
const CACHE_JOBS = 1000;

interface CachedState {
  atMs: number;
  cancelled: Promise<boolean>;
}

/** Tells which jobs are cancelled or deleted. Reads each job record at most every 10 s. */
export class JobStates {
  readonly #output: Store;
  readonly #clock: Clock;
  readonly #known = new Map<string, CachedState>();

  constructor(output: Store, clock: Clock) {
    this.#output = output;
    this.#clock = clock;
  }

  isCancelled(job: string): Promise<boolean> {
    const nowMs = this.#clock.monotonicMs();
    const known = this.#known.get(job);
    this.#known.delete(job);
    if (known !== undefined && nowMs - known.atMs < CACHE_MS) {
      this.#known.set(job, known);
      return known.cancelled;
    }
    const cancelled = this.#read(job);
    const entry = { atMs: nowMs, cancelled };
    this.#known.set(job, entry);
    // Do not cache an error: the next call reads again.
    cancelled.catch(() => {
      if (this.#known.get(job) === entry) this.#known.delete(job);
    });
    const oldest = this.#known.keys().next();
    if (this.#known.size > CACHE_JOBS && oldest.done !== true) this.#known.delete(oldest.value);
    return cancelled;
  }

  /** A deleted job counts as cancelled. An unreadable record does not: the request itself has all that a worker needs. */
  async #read(job: string): Promise<boolean> {
    try {
      return (await readJob(this.#output, job)).state === 'cancelled';
    } catch (error) {
      if (error instanceof ObjectMissingError) return true;
      if (isUnreadable(error)) return false;
      throw error;
    }
  }
}

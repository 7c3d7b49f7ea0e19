import type { Store } from '../cloud/ports.ts';
import type { Clock } from '../runtime/clock.ts';
import { ObjectMissingError, PoisonError } from '../runtime/errors.ts';
import { readJob } from './job-record.ts';

/** How long a cancellation may go unnoticed. */
const CACHE_MS = 10_000;

/** Jobs remembered; of more, the one asked for longest ago is forgotten. */
const CACHE_JOBS = 1000;

interface Known {
  atMs: number;
  cancelled: Promise<boolean>;
}

/** Which jobs are cancelled or deleted, read from the job records at most every 10 s each. */
export class JobStates {
  readonly #output: Store;
  readonly #clock: Clock;
  readonly #known = new Map<string, Known>();

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
    const asked = { atMs: nowMs, cancelled };
    this.#known.set(job, asked);
    // What could not be read is not known: the next one asks again.
    cancelled.catch(() => {
      if (this.#known.get(job) === asked) this.#known.delete(job);
    });
    const oldest = this.#known.keys().next();
    if (this.#known.size > CACHE_JOBS && oldest.done !== true) this.#known.delete(oldest.value);
    return cancelled;
  }

  /** A job that was deleted is wanted by nobody. A record that makes no sense cancels nothing: the request itself says what to do. */
  async #read(job: string): Promise<boolean> {
    try {
      return (await readJob(this.#output, job)).state === 'cancelled';
    } catch (error) {
      if (error instanceof ObjectMissingError) return true;
      if (error instanceof PoisonError) return false;
      throw error;
    }
  }
}

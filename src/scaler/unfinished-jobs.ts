import type { Store } from '../core/cloud/ports.ts';
import type { JobRecord } from '../core/job/job.ts';
import { readJob } from '../core/job/job-record.ts';
import { ACTIVE_PREFIX } from '../core/job/keys.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { ObjectMissingError, PoisonError } from '../core/runtime/errors.ts';

/** A job that is still being read may be sealed any moment. */
const OPEN_FRESH_MS = 10_000;

interface Known {
  record: JobRecord;
  readAtMs: number;
}

/** The jobs that are not final, by their markers; records are read when they may have changed. */
export class UnfinishedJobs {
  readonly #output: Store;
  readonly #clock: Clock;
  #known = new Map<string, Known>();

  constructor(output: Store, clock: Clock) {
    this.#output = output;
    this.#clock = clock;
  }

  /** @throws {ImgclsError} when they cannot be read. */
  async read(): Promise<JobRecord[]> {
    const known = new Map<string, Known>();
    for await (const { key } of this.#output.list(ACTIVE_PREFIX)) {
      const id = key.slice(ACTIVE_PREFIX.length);
      const entry = await this.#entry(id);
      if (entry !== undefined) known.set(id, entry);
    }
    this.#known = known;
    return [...known.values()].map(({ record }) => record);
  }

  async #entry(id: string) {
    const nowMs = this.#clock.monotonicMs();
    const before = this.#known.get(id);
    if (before !== undefined && (before.record.state !== 'open' || nowMs - before.readAtMs < OPEN_FRESH_MS))
      return before;
    try {
      return { record: await readJob(this.#output, id), readAtMs: nowMs };
    } catch (error) {
      // The marker is written before the record.
      if (error instanceof ObjectMissingError) return undefined;
      // One that makes no sense must not hide the others.
      if (error instanceof PoisonError) return undefined;
      throw error;
    }
  }
}

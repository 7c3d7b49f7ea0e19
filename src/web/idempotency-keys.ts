import { createHash } from 'node:crypto';
import * as z from 'zod';
import type { Store } from '../core/cloud/ports.ts';
import { findObject } from '../core/cloud/read-object.ts';
import { jobId } from '../core/job/job.ts';
import { readJob } from '../core/job/job-record.ts';
import { idempotencyKey } from '../core/job/keys.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { ObjectMissingError, PreconditionFailedError } from '../core/runtime/errors.ts';
import { FORMAT, formatVersion, parseVersioned } from '../core/runtime/versioned.ts';

const claim = z.object({
  v: formatVersion,
  /** The job that the first complete request with the key created. */
  job: jobId,
  /** What that request contained. Absent in keys of an older imgcls. */
  digest: z.string().optional(),
});
export type Claim = Pick<z.infer<typeof claim>, 'job' | 'digest'>;

/** A claim is followed by one write, of the job record. After this time the claiming process counts as dead. */
const RECORD_TIMEOUT_MS = 5000;
const POLL_INTERVAL_MS = 200;

/**
 * `Idempotency-Key`s of submissions, stored in the output bucket for all servers: the first complete request with a key
 * creates the job, and the others return it. Keys expire after a day.
 */
export class IdempotencyKeys {
  readonly #output: Store;
  readonly #clock: Clock;

  constructor({ output, clock }: { output: Store; clock: Clock }) {
    this.#output = output;
    this.#clock = clock;
  }

  /** The claim of the job that the key has already created. */
  async find(key: string): Promise<Claim | undefined> {
    const found = await this.#read(key);
    return found !== undefined && (await this.#exists(found.job)) ? found : undefined;
  }

  /** @returns `own` if the caller must create its job now, otherwise the claim of the existing job. */
  async claim(key: string, own: Claim): Promise<Claim> {
    const body = Buffer.from(JSON.stringify({ v: FORMAT, ...own }));
    for (;;) {
      const found = await this.#read(key);
      if (found !== undefined && (await this.#waitUntilExists(found.job))) return found;
      try {
        await this.#output.put(objectKeyOf(key), body, {
          only: found === undefined ? 'absent' : { etag: found.etag },
        });
        return own;
      } catch (error) {
        if (!(error instanceof PreconditionFailedError)) throw error;
      }
    }
  }

  async #read(key: string): Promise<(Claim & { etag: string }) | undefined> {
    const parse = (text: string) => parseVersioned(claim, text, 'idempotency key');
    const found = await findObject(this.#output, objectKeyOf(key), parse);
    if (found === undefined) return undefined;
    const { job, digest } = found.value;
    return { job, digest, etag: found.info.etag };
  }

  async #waitUntilExists(job: string): Promise<boolean> {
    const untilMs = this.#clock.monotonicMs() + RECORD_TIMEOUT_MS;
    while (!(await this.#exists(job))) {
      if (this.#clock.monotonicMs() >= untilMs) return false;
      await this.#clock.sleep(POLL_INTERVAL_MS);
    }
    return true;
  }

  async #exists(job: string): Promise<boolean> {
    try {
      await readJob(this.#output, job);
      return true;
    } catch (error) {
      if (error instanceof ObjectMissingError) return false;
      throw error;
    }
  }
}

/** Hashed, because a caller's key is not a valid object key. */
const objectKeyOf = (key: string): string => idempotencyKey(createHash('sha256').update(key).digest('hex'));

import { createHash } from 'node:crypto';
import * as z from 'zod';
import type { Store } from '../core/cloud/ports.ts';
import { jobId } from '../core/job/job.ts';
import { readJob } from '../core/job/job-record.ts';
import { idempotencyKey } from '../core/job/keys.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { ObjectMissingError, PreconditionFailedError } from '../core/runtime/errors.ts';
import { FORMAT, formatVersion, parseVersioned } from '../core/runtime/versioned.ts';

/** The job that the first whole request with a key made. */
const claim = z.object({ v: formatVersion, job: jobId });

/** Between a claim and the job's record lies one write; who takes longer is gone. */
const RECORD_WITHIN_MS = 5000;
const LOOK_MS = 200;

/**
 * `Idempotency-Key`s of submissions, kept in the store, so that any server knows them: the first whole request with a
 * key makes the job, and every other answers with it. Expired ones are swept after a day.
 */
export class IdempotencyKeys {
  readonly #output: Store;
  readonly #clock: Clock;

  constructor({ output, clock }: { output: Store; clock: Clock }) {
    this.#output = output;
    this.#clock = clock;
  }

  /** The job that was made under the key already. */
  async find(key: string): Promise<string | undefined> {
    const found = await this.#read(key);
    return found !== undefined && (await this.#exists(found.job)) ? found.job : undefined;
  }

  /** @returns `job` where it is to be made now, else the job that is there. */
  async claim(key: string, job: string): Promise<string> {
    const body = Buffer.from(JSON.stringify({ v: FORMAT, job }));
    for (;;) {
      const found = await this.#read(key);
      if (found !== undefined && (await this.#existsSoon(found.job))) return found.job;
      try {
        await this.#output.put(objectOf(key), body, {
          only: found === undefined ? 'absent' : { etag: found.etag },
        });
        return job;
      } catch (error) {
        if (!(error instanceof PreconditionFailedError)) throw error;
      }
    }
  }

  async #read(key: string): Promise<{ job: string; etag: string } | undefined> {
    try {
      const { info, body } = await this.#output.get(objectOf(key));
      const { job } = parseVersioned(claim, new TextDecoder().decode(body), 'idempotency key');
      return { job, etag: info.etag };
    } catch (error) {
      if (error instanceof ObjectMissingError) return undefined;
      throw error;
    }
  }

  async #existsSoon(job: string): Promise<boolean> {
    const untilMs = this.#clock.monotonicMs() + RECORD_WITHIN_MS;
    while (!(await this.#exists(job))) {
      if (this.#clock.monotonicMs() >= untilMs) return false;
      await this.#clock.sleep(LOOK_MS);
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

/** A caller's key is no key of the store: its digest is. */
const objectOf = (key: string): string => idempotencyKey(createHash('sha256').update(key).digest('hex'));

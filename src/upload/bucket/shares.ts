// Which submitter announces which parts of a job whose images an inventory lists.

import type { Store } from '../../core/cloud/ports.ts';
import { findObject } from '../../core/cloud/read-object.ts';
import { shareClaim } from '../../core/job/job.ts';
import { shareKey } from '../../core/job/keys.ts';
import { ImgclsError, PreconditionFailedError } from '../../core/runtime/errors.ts';
import { FORMAT, parseVersioned } from '../../core/runtime/versioned.ts';

/** A version of a claim in the store. Undefined if there is none. */
export type ClaimVersion = string | undefined;

/** A submitter's claims to shares of one job. A claim is an object that is written by compare-and-swap. */
export class ShareClaims {
  readonly #output: Store;
  readonly #job: string;
  readonly #submitter: string;
  readonly #signal: AbortSignal | undefined;

  constructor(output: Store, of: { job: string; submitter: string; signal?: AbortSignal | undefined }) {
    this.#output = output;
    this.#job = of.job;
    this.#submitter = of.submitter;
    this.#signal = of.signal;
  }

  /**
   * Claims a share, or takes it from another submitter.
   * @param version of the claim that is replaced.
   * @returns whether it is claimed now: no other submitter was faster.
   */
  async claim(share: number, before: string, version: ClaimVersion): Promise<boolean> {
    const body = JSON.stringify({ v: FORMAT, submitter: this.#submitter, before });
    try {
      await this.#output.put(shareKey(this.#job, share), Buffer.from(body), {
        only: version === undefined ? 'absent' : { etag: version },
        ...(this.#signal && { signal: this.#signal }),
      });
      return true;
    } catch (error) {
      if (error instanceof PreconditionFailedError) return false;
      throw error;
    }
  }

  /**
   * The version of another submitter's claim.
   * @throws {ImgclsError} of kind `permanent` when it has other images before the share.
   */
  async find(share: number, before: string): Promise<ClaimVersion> {
    const key = shareKey(this.#job, share);
    const parse = (text: string) => parseVersioned(shareClaim, text, `claim ${key}`);
    const found = await findObject(this.#output, key, parse, this.#signal && { signal: this.#signal });
    if (found === undefined || found.value.before === before) return found?.info.etag;
    throw new ImgclsError(
      'permanent',
      `Another submitter of job ${this.#job} has other images: the inventory has changed, or another version of imgcls chose among its objects.`,
      { hint: 'Use the same version of imgcls on all machines, and the inventory as S3 wrote it.' },
    );
  }
}

import { MAX_BATCH } from '../core/job/messages.ts';
import { isPackable } from '../core/job/pack.ts';

/**
 * Counts the S3 requests for storing and reading inputs, before any is stored. Inputs are added in their order: the small
 * ones of a batch share an object, which a worker reads once. Pure.
 */
export class ObjectCount {
  /** Objects that the submitter puts. */
  puts = 0;
  /** Objects that workers get. */
  gets = 0;
  readonly #packBelowBytes: number;
  #inputs = 0;
  #isPackOpen = false;

  constructor(packBelowBytes: number) {
    this.#packBelowBytes = packBelowBytes;
  }

  /** An input whose bytes are stored first. */
  addStored(bytes: number): void {
    this.#next();
    if (isPackable(bytes, this.#packBelowBytes)) {
      if (this.#isPackOpen) return;
      this.#isPackOpen = true;
    }
    this.puts++;
    this.gets++;
  }

  /** An input that workers read from its own bucket. */
  addInPlace(): void {
    this.#next();
    this.gets++;
  }

  /** An input with an error: it takes a place in its batch and needs no request. */
  addFailed(): void {
    this.#next();
  }

  #next(): void {
    if (this.#inputs % MAX_BATCH === 0) this.#isPackOpen = false;
    this.#inputs++;
  }
}

import { MAX_BATCH } from '../core/job/messages.ts';
import { isPackable } from '../core/job/pack.ts';

/**
 * What storing and reading inputs would ask of S3, counted before anything is stored. Inputs are told in their order: of
 * each batch the small ones share an object, which the worker reads once. Pure.
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

  /** One whose bytes are stored first. */
  addStored(bytes: number): void {
    this.#next();
    if (isPackable(bytes, this.#packBelowBytes)) {
      if (this.#isPackOpen) return;
      this.#isPackOpen = true;
    }
    this.puts++;
    this.gets++;
  }

  /** One that workers read where it lies. */
  addInPlace(): void {
    this.#next();
    this.gets++;
  }

  /** One that has its error already: it takes a place in its batch, and nobody asks for it. */
  addFailed(): void {
    this.#next();
  }

  #next(): void {
    if (this.#inputs % MAX_BATCH === 0) this.#isPackOpen = false;
    this.#inputs++;
  }
}

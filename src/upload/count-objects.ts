import { batchEnd, isPackable, PackRoom } from '../core/job/batches.ts';

/**
 * Counts the S3 requests for storing and reading inputs, before any is stored. Inputs are added in their order: those
 * of a batch share packs, each of which a worker reads once. Pure.
 */
export class ObjectCount {
  /** Objects that the submitter puts. */
  puts = 0;
  /** Objects that workers get. */
  gets = 0;
  readonly #packBelowBytes: number;
  #inputs = 0;
  #batchEnd = 0;
  #pack = new PackRoom();

  constructor(packBelowBytes: number) {
    this.#packBelowBytes = packBelowBytes;
  }

  /** An input whose bytes are stored first. */
  addStored(bytes: number): void {
    this.#next();
    if (isPackable(bytes, this.#packBelowBytes) && !this.#pack.opens(bytes)) return;
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
    if (this.#inputs === this.#batchEnd) {
      this.#pack = new PackRoom();
      this.#batchEnd = batchEnd(this.#inputs);
    }
    this.#inputs++;
  }
}

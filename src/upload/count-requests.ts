import { batchEnd, isPackable, PackRoom } from '../core/job/batches.ts';
import { MAX_RESPONSES } from '../core/job/responses.ts';
import { partCount } from './plan.ts';

/** Requests to S3 and SQS. */
export interface RequestCounts {
  s3Put: number;
  /** GET and HEAD, which have one price. */
  s3Get: number;
  sqs: number;
}

/** The active marker, and the job's record when it is created, sealed and finished. */
const PUTS_OF_JOB = 4;
/** The part, and the mark that it is announced. */
const PUTS_OF_PART = 2;
/** The submitter looks for the job at its end: if it was deleted meanwhile, so is what was written since. */
const GETS_OF_JOB = 1;
/** A message is sent, received and deleted, as is a response. Ten are sent at a time, which is not counted. */
const CALLS_OF_MESSAGE = 3;

/**
 * Counts the requests for storing and classifying inputs, before any is stored. Inputs are added in their order: those
 * of a batch share packs, each of which a worker reads once. Requests that depend on time are few in comparison and not
 * counted: reports of machines, looks of the controller and of waiters, lease extensions. Pure.
 */
export class RequestCount {
  readonly #packBelowBytes: number;
  #puts = 0;
  #gets = 0;
  #inputs = 0;
  #batches = 0;
  #batchEnd = 0;
  #pack = new PackRoom();

  constructor(packBelowBytes: number) {
    this.#packBelowBytes = packBelowBytes;
  }

  /** An input whose bytes are stored first. */
  addStored(bytes: number): void {
    this.#next();
    if (isPackable(bytes, this.#packBelowBytes) && !this.#pack.opens(bytes)) return;
    this.#puts++;
    this.#gets++;
  }

  /** An input that workers read from its own bucket. */
  addInPlace(): void {
    this.#next();
    this.#gets++;
  }

  /** An input with an error: it takes a place in its batch and needs no request. */
  addFailed(): void {
    this.#next();
  }

  get counts(): RequestCounts {
    const responses = Math.min(this.#batches, MAX_RESPONSES);
    return {
      // Each batch has one shard.
      s3Put: this.#puts + this.#batches + PUTS_OF_PART * partCount(this.#inputs) + PUTS_OF_JOB,
      // A worker looks for the job after each batch. The waiter reads the shards of which no response tells.
      s3Get: this.#gets + this.#batches + (this.#batches - responses) + GETS_OF_JOB,
      sqs: CALLS_OF_MESSAGE * (this.#batches + responses),
    };
  }

  #next(): void {
    if (this.#inputs === this.#batchEnd) {
      this.#pack = new PackRoom();
      this.#batches++;
      this.#batchEnd = batchEnd(this.#inputs);
    }
    this.#inputs++;
  }
}

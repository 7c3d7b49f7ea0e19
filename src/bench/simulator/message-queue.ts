import { batchCount, batchEnd } from '../../core/job/batches.ts';
import type { SimulatedJob } from './jobs.ts';

/** One message. */
export interface SimulatedBatch {
  job: SimulatedJob;
  images: number;
}

interface Waiting {
  job: SimulatedJob;
  /** The first image that was not received yet. */
  next: number;
  end: number;
}

/** A queue of batches, the oldest first. It stores one entry per arrival, not per message. */
export class MessageQueue {
  readonly #waiting: Waiting[] = [];
  #head = 0;
  /** Batches of lost machines. They are older, so they are received first. */
  readonly #returned: SimulatedBatch[] = [];
  #messages = 0;

  get messages(): number {
    return this.#messages;
  }

  /** @param first the index of the first image in its job. */
  add(job: SimulatedJob, images: number, first: number): void {
    this.#waiting.push({ job, next: first, end: first + images });
    this.#messages += batchCount(images, first);
  }

  redeliver(batch: SimulatedBatch): void {
    this.#returned.push(batch);
    this.#messages++;
  }

  receive(): SimulatedBatch | undefined {
    const returned = this.#returned.shift();
    const waiting = this.#waiting[this.#head];
    if (returned !== undefined || waiting !== undefined) this.#messages--;
    if (returned !== undefined || waiting === undefined) return returned;
    const { job, next, end } = waiting;
    waiting.next = Math.min(end, batchEnd(next));
    if (waiting.next === end) this.#head++;
    return { job, images: waiting.next - next };
  }
}

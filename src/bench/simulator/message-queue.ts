import { MAX_BATCH } from '../../core/job/messages.ts';
import type { SimulatedJob } from './jobs.ts';

/** One message. */
export interface SimulatedBatch {
  job: SimulatedJob;
  images: number;
}

interface Waiting {
  job: SimulatedJob;
  images: number;
}

/** A queue of messages of up to 16 images, the oldest first. It stores one entry per arrival, not per message. */
export class MessageQueue {
  readonly #waiting: Waiting[] = [];
  #head = 0;
  /** Batches of lost machines. They are older, so they are received first. */
  readonly #returned: SimulatedBatch[] = [];
  #messages = 0;

  get messages(): number {
    return this.#messages;
  }

  add(job: SimulatedJob, images: number): void {
    this.#waiting.push({ job, images });
    this.#messages += Math.ceil(images / MAX_BATCH);
  }

  redeliver(batch: SimulatedBatch): void {
    this.#returned.push(batch);
    this.#messages++;
  }

  receive(): SimulatedBatch | undefined {
    const returned = this.#returned.shift();
    const waiting = returned ?? this.#waiting[this.#head];
    if (waiting === undefined) return undefined;
    this.#messages--;
    if (returned !== undefined) return returned;
    const images = Math.min(MAX_BATCH, waiting.images);
    waiting.images -= images;
    if (waiting.images === 0) this.#head++;
    return { job: waiting.job, images };
  }
}

import { MAX_BATCH } from '../../core/job/messages.ts';

export interface SimulatedBatch {
  images: number;
  arrivedAtMs: number;
}

/** A queue of messages of up to 16 images, the oldest first. It stores one entry per arrival, not per message. */
export class MessageQueue {
  readonly #arrivals: SimulatedBatch[] = [];
  #head = 0;
  /** Batches of lost machines. They are older, so they are received first. */
  readonly #returned: SimulatedBatch[] = [];
  #messages = 0;

  get messages(): number {
    return this.#messages;
  }

  add(batch: SimulatedBatch): void {
    this.#arrivals.push({ ...batch });
    this.#messages += Math.ceil(batch.images / MAX_BATCH);
  }

  redeliver(batch: SimulatedBatch): void {
    this.#returned.push(batch);
    this.#messages++;
  }

  /** One message. */
  receive(): SimulatedBatch | undefined {
    const returned = this.#returned.shift();
    const arrival = returned ?? this.#arrivals[this.#head];
    if (arrival === undefined) return undefined;
    this.#messages--;
    if (returned !== undefined) return returned;
    const images = Math.min(MAX_BATCH, arrival.images);
    arrival.images -= images;
    if (arrival.images === 0) this.#head++;
    return { images, arrivedAtMs: arrival.arrivedAtMs };
  }
}

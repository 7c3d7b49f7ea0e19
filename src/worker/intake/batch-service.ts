import { MAX_BATCH } from '../../core/job/messages.ts';
import type { StatusReporter } from '../lifecycle/status.ts';
import type { Stop } from '../lifecycle/stop.ts';
import { type BatchTools, runBatch } from '../messages/batch.ts';
import type { HeldMessage } from '../messages/held-message.ts';
import type { MessageResult } from '../messages/message.ts';
import { MAX_WAIT_MS, type Service } from './intake.ts';
import type { Workload } from './workload.ts';

export interface BatchServiceOptions {
  tools: BatchTools;
  stop: Stop;
  workload: Workload;
  status: Pick<StatusReporter, 'addMessage' | 'setHasBatches'>;
  /** The most messages held at a time. */
  maxMessages: number;
  /** No more are received while as many images are held. */
  enoughImages: number;
  /** End when the queue gives nothing. */
  once: boolean;
  /** End after so long without a message. */
  idleExitMs: number | undefined;
}

/** Long enough that a queue of many hosts asks all of them. */
const ONCE_WAIT_MS = 1000;

/** The request queue: as many images as keep the runners busy, and the end of the worker when there are none. */
export class BatchService implements Service {
  readonly #options: BatchServiceOptions;
  #inHand = 0;
  /** A guess at how much the next message holds: what the last one did. */
  #imagesPerMessage = MAX_BATCH;

  constructor(options: BatchServiceOptions) {
    this.#options = options;
  }

  room(held: readonly HeldMessage[]): number {
    const { maxMessages, enoughImages } = this.#options;
    const images = held.reduce((sum, batch) => sum + batch.images, 0);
    if (images >= enoughImages) return 0;
    return Math.min(maxMessages - held.length, Math.ceil((enoughImages - images) / this.#imagesPerMessage));
  }

  waitMs(): number {
    if (this.#options.once) return ONCE_WAIT_MS;
    return Math.ceil(Math.max(0, Math.min(MAX_WAIT_MS, this.#idleLeftMs)));
  }

  async work(batch: HeldMessage): Promise<MessageResult> {
    const { tools, status } = this.#options;
    status.setHasBatches(++this.#inHand > 0);
    try {
      const running = runBatch(batch, tools);
      this.#imagesPerMessage = batch.images;
      const end = await running;
      if (end.kind === 'done') status.addMessage(end.job, end.written.length);
      return end;
    } finally {
      status.setHasBatches(--this.#inHand > 0);
    }
  }

  onQuiet(): void {
    const { stop, workload, once } = this.#options;
    if (!workload.isEmpty) return;
    if (once) stop.because('queue_empty');
    else if (this.#idleLeftMs <= 0) stop.because('idle');
  }

  onFailure(error: unknown): void {
    this.#options.stop.because('failed', error);
  }

  get #idleLeftMs(): number {
    const { idleExitMs = Number.POSITIVE_INFINITY, workload } = this.#options;
    return idleExitMs - workload.idleForMs;
  }
}

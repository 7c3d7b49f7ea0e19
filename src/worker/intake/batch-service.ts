import { MAX_BATCH } from '../../core/job/batches.ts';
import type { StatusReporter } from '../lifecycle/status.ts';
import type { Stop } from '../lifecycle/stop.ts';
import { type BatchTools, batchHandler } from '../messages/batch.ts';
import { handleMessage, type MessageHandler, type MessageResult } from '../messages/handle-message.ts';
import type { HeldMessage } from '../messages/held-message.ts';
import { MAX_WAIT_MS, ONCE_WAIT_MS, type Service } from './intake.ts';
import type { Workload } from './workload.ts';

export interface BatchServiceOptions {
  tools: BatchTools;
  stop: Stop;
  workload: Workload;
  status: Pick<StatusReporter, 'addMessage' | 'setHasBatches'>;
  /** The most messages held at a time. */
  maxMessages: number;
  /** While so many images need work, no more messages are received. */
  enoughImages: number;
  /** End when the queue is empty. */
  once: boolean;
  /** End after so long without a message. */
  idleExitMs: number | undefined;
}

/** The request queue: holds enough images to keep the runners busy, and ends the worker when there are none. */
export class BatchService implements Service {
  readonly #options: BatchServiceOptions;
  readonly #handler: MessageHandler;
  #held = 0;
  /**
   * An estimate for the next message: as many images as the last one has, but not less than half of the estimate before. A
   * few small messages must not make the worker take ten large ones, which other workers would then lack.
   */
  #imagesPerMessage = MAX_BATCH;

  constructor(options: BatchServiceOptions) {
    this.#options = options;
    this.#handler = batchHandler(options.tools);
  }

  room(held: readonly HeldMessage[]): number {
    const { maxMessages, enoughImages } = this.#options;
    const images = held.reduce((sum, message) => sum + message.imagesLeft, 0);
    if (images >= enoughImages) return 0;
    return Math.min(maxMessages - held.length, Math.ceil((enoughImages - images) / this.#imagesPerMessage));
  }

  waitMs(): number {
    if (this.#options.once) return ONCE_WAIT_MS;
    return Math.ceil(Math.max(0, Math.min(MAX_WAIT_MS, this.#idleLeftMs)));
  }

  async work(held: HeldMessage): Promise<MessageResult> {
    const { tools, status } = this.#options;
    status.setHasBatches(++this.#held > 0);
    try {
      const handling = handleMessage(held, this.#handler, tools);
      // It is parsed by now.
      this.#imagesPerMessage = Math.max(held.images, this.#imagesPerMessage / 2);
      const result = await handling;
      if (result.kind === 'done') status.addMessage(result.job, result.written.length);
      return result;
    } finally {
      status.setHasBatches(--this.#held > 0);
    }
  }

  onEmptyReceive(): void {
    const { stop, workload, once } = this.#options;
    if (!workload.isEmpty) return;
    if (once) stop.because('queue_empty');
    else if (this.#idleLeftMs <= 0) stop.because('idle');
  }

  onReceiveError(error: unknown): void {
    this.#options.stop.because('failed', error);
  }

  get #idleLeftMs(): number {
    const { idleExitMs = Number.POSITIVE_INFINITY, workload } = this.#options;
    return idleExitMs - workload.idleForMs;
  }
}

import { backoffMs } from '../core/backoff.ts';
import { isTransient, messageOf } from '../core/errors.ts';
import { MAX_BATCH } from '../core/messages.ts';
import type { ReceivedMessage } from '../core/ports.ts';
import { type BatchEnd, type BatchTools, runBatch } from './batch.ts';
import { Batch } from './held-batch.ts';
import type { StatusReporter } from './status.ts';
import type { Stop } from './stop.ts';

export interface IntakeOptions {
  tools: BatchTools;
  stop: Stop;
  status: Pick<StatusReporter, 'setState' | 'reached' | 'addMessage'>;
  leaseMs: number;
  /** The most messages held at a time. */
  maxMessages: number;
  /** No more are received while as many images are held. */
  enoughImages: number;
  /** End when the queue gives nothing. */
  once: boolean;
  /** End after so long without a message. */
  idleExitMs: number | undefined;
}

/** SQS's limits of one receive. */
const MAX_RECEIVE = 10;
const MAX_WAIT_MS = 20_000;

/** Long enough that a queue of many hosts asks all of them. */
const ONCE_WAIT_MS = 1000;

/** While the world is in trouble: one message at a time, with pauses between. */
const TROUBLE = { baseMs: 500, maxMs: 20_000 };

/**
 * Receives messages while there is room for them, and runs each as a batch, all at the same time: what waits for a
 * runner is already downloading. Ends when it is told to stop, with no batch left.
 */
export class Intake {
  readonly #options: IntakeOptions;
  readonly #batches = new Map<Batch, Promise<void>>();
  #received = 0;
  #troubles = 0;
  #pauseMs = 0;
  /** A guess at how much the next message holds: what the last one did. */
  #imagesPerMessage = MAX_BATCH;
  #changed = Promise.withResolvers<void>();
  #idleSinceMs: number;
  imagesDone = 0;
  batchesDone = 0;

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#idleSinceMs = options.tools.clock.monotonicMs();
  }

  /** Resolves once it was told to stop and every batch is finished or given back. */
  async run(): Promise<void> {
    const { stop } = this.#options;
    stop.signal.addEventListener('abort', () => this.#leave(), { once: true });
    while (!stop.signal.aborted) {
      try {
        await this.#receive();
      } catch (error) {
        if (stop.signal.aborted) break;
        if (isTransient(error)) this.#noteTrouble(error);
        else stop.because('failed', error);
      }
    }
    this.#leave();
    await Promise.all(this.#batches.values());
  }

  /** How long nothing has been in hand; 0 while something is. */
  get idleForMs(): number {
    if (this.#batches.size > 0) return 0;
    return this.#options.tools.clock.monotonicMs() - this.#idleSinceMs;
  }

  /** Stops the work of every batch at once. */
  abandon(): void {
    for (const batch of this.#batches.keys()) batch.abandon();
  }

  #leave(): void {
    const { stop, status } = this.#options;
    status.setState(stop.reason === 'outdated' ? 'outdated' : 'draining');
    for (const batch of this.#batches.keys()) batch.giveBack();
    this.#changed.resolve();
  }

  async #receive(): Promise<void> {
    const { tools, stop, leaseMs, once, status } = this.#options;
    if (this.#pauseMs > 0) await tools.clock.sleep(this.#pauseMs, stop.signal);
    this.#pauseMs = 0;
    const max = this.#roomFor();
    if (max === 0) return await this.#change();
    const wasEmpty = this.#batches.size === 0;
    const waitMs = this.#waitMs(wasEmpty);
    status.reached('readyMs');
    this.#showState();
    const messages = await tools.queue.receive({ max, waitMs, leaseMs, signal: stop.signal });
    for (const message of messages) this.#accept(message);
    if (messages.length > 0 || !wasEmpty || stop.signal.aborted) return;
    if (once) stop.because('queue_empty');
    else if (this.#idleLeftMs() <= 0) stop.because('idle');
  }

  /** Resolves when a batch is through, or at the stop. */
  async #change(): Promise<void> {
    if (this.#batches.size === 0 || this.#options.stop.signal.aborted) return;
    this.#changed = Promise.withResolvers();
    await this.#changed.promise;
  }

  #roomFor(): number {
    const { maxMessages, enoughImages } = this.#options;
    const held = this.#batches.size;
    if (this.#troubles > 0) return held === 0 ? 1 : 0;
    let images = 0;
    for (const batch of this.#batches.keys()) images += batch.images;
    if (images >= enoughImages) return 0;
    const messages = Math.ceil((enoughImages - images) / this.#imagesPerMessage);
    return Math.min(MAX_RECEIVE, maxMessages - held, messages);
  }

  /** While there is something in hand, a longer wait would only delay the end that follows it. */
  #waitMs(isEmpty: boolean): number {
    const { once, idleExitMs } = this.#options;
    const longestMs = once ? ONCE_WAIT_MS : (idleExitMs ?? MAX_WAIT_MS);
    const leftMs = isEmpty && !once ? this.#idleLeftMs() : longestMs;
    return Math.ceil(Math.max(0, Math.min(MAX_WAIT_MS, longestMs, leftMs)));
  }

  #idleLeftMs(): number {
    const { idleExitMs, tools } = this.#options;
    if (idleExitMs === undefined) return Number.POSITIVE_INFINITY;
    return idleExitMs - (tools.clock.monotonicMs() - this.#idleSinceMs);
  }

  #accept(message: ReceivedMessage): void {
    const { tools, status } = this.#options;
    status.reached('firstMessageMs');
    const batch = new Batch(message, this.#received++);
    tools.leases.hold(message.receipt, () => batch.loseLease());
    this.#batches.set(batch, this.#run(batch));
    this.#imagesPerMessage = batch.images;
    this.#showState();
  }

  async #run(batch: Batch): Promise<void> {
    const { tools, stop } = this.#options;
    try {
      const end = await runBatch(batch, tools);
      this.#note(end);
    } catch (error) {
      tools.log.error({ error, message: batch.message.id }, 'A batch met an error that ends the worker.');
      stop.because('failed', error);
    }
    this.#batches.delete(batch);
    this.#idleSinceMs = tools.clock.monotonicMs();
    this.#changed.resolve();
    this.#showState();
  }

  #note(end: BatchEnd): void {
    const { stop, status } = this.#options;
    if (end.kind === 'outdated') stop.because('outdated');
    if (end.kind === 'failed' && isTransient(end.error)) this.#noteTrouble(end.error);
    if (end.kind !== 'done') return;
    this.#troubles = 0;
    this.batchesDone++;
    this.imagesDone += end.images;
    status.addMessage(end.job, end.images);
    if (end.images > 0) status.reached('firstResultMs');
  }

  /** The world is in trouble: a pause before the next receive, longer each time until a batch succeeds. */
  #noteTrouble(error: unknown): void {
    const { tools } = this.#options;
    this.#pauseMs = backoffMs(this.#troubles++, tools.random(), TROUBLE);
    tools.log.warn({ error: messageOf(error), pauseMs: this.#pauseMs }, 'The worker pauses.');
  }

  #showState(): void {
    if (this.#options.stop.signal.aborted) return;
    this.#options.status.setState(this.#batches.size > 0 ? 'busy' : 'ready');
  }
}

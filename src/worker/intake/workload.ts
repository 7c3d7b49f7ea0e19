import type { Clock } from '../../core/runtime/clock.ts';
import type { Log } from '../../core/runtime/log.ts';
import type { StatusReporter } from '../lifecycle/status.ts';
import type { Stop } from '../lifecycle/stop.ts';
import type { HeldMessage } from '../messages/held-message.ts';
import type { MessageResult } from '../messages/message.ts';

export interface WorkloadOptions {
  stop: Stop;
  status: Pick<StatusReporter, 'setState' | 'reached'>;
  clock: Pick<Clock, 'monotonicMs'>;
  log: Log;
}

/** What a worker has in hand, of all its queues, and what it has done. The worker's state follows from it. */
export class Workload {
  readonly #options: WorkloadOptions;
  readonly #batches = new Set<HeldMessage>();
  #idleSinceMs: number;
  imagesDone = 0;
  batchesDone = 0;

  constructor(options: WorkloadOptions) {
    this.#options = options;
    this.#idleSinceMs = options.clock.monotonicMs();
  }

  get isEmpty(): boolean {
    return this.#batches.size === 0;
  }

  /** How long nothing has been in hand; 0 while something is. */
  get idleForMs(): number {
    return this.isEmpty ? this.#options.clock.monotonicMs() - this.#idleSinceMs : 0;
  }

  /** From now on messages are received. */
  start(): void {
    this.#options.status.reached('readyMs');
    this.#showState();
  }

  /** Holds the batch while it is worked on; an error of that work ends the worker. */
  async run(batch: HeldMessage, work: () => Promise<MessageResult>): Promise<void> {
    const { stop, status, clock, log } = this.#options;
    status.reached('firstMessageMs');
    this.#batches.add(batch);
    // It may have been received at the very moment of the stop.
    if (stop.signal.aborted) batch.giveBack();
    this.#showState();
    try {
      this.#note(await work());
    } catch (error) {
      log.error({ ...batch.about, error }, 'A batch met an error that ends the worker.');
      stop.because('failed', error);
    }
    this.#batches.delete(batch);
    this.#idleSinceMs = clock.monotonicMs();
    this.#showState();
  }

  /** The worker has been told to stop: what is not begun goes back. */
  leave(): void {
    const { stop, status } = this.#options;
    status.setState(stop.reason === 'outdated' ? 'outdated' : 'draining');
    for (const batch of this.#batches) batch.giveBack();
  }

  /** Stops the work of every batch at once. */
  abandon(): void {
    for (const batch of this.#batches) batch.abandon();
  }

  #note(end: MessageResult): void {
    const { stop, status } = this.#options;
    if (end.kind === 'outdated') stop.because('outdated');
    if (end.kind !== 'done') return;
    this.batchesDone++;
    this.imagesDone += end.written.length;
    if (end.written.length > 0) status.reached('firstResultMs');
  }

  #showState(): void {
    const { stop, status } = this.#options;
    if (!stop.signal.aborted) status.setState(this.isEmpty ? 'ready' : 'busy');
  }
}

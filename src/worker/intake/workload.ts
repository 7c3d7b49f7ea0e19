import type { Clock } from '../../core/runtime/clock.ts';
import { messageOf } from '../../core/runtime/errors.ts';
import type { Log } from '../../core/runtime/log.ts';
import type { StatusReporter } from '../lifecycle/status.ts';
import type { Stop } from '../lifecycle/stop.ts';
import type { MessageResult } from '../messages/handle-message.ts';
import type { HeldMessage } from '../messages/held-message.ts';

export interface WorkloadOptions {
  stop: Stop;
  status: Pick<StatusReporter, 'setState' | 'reached' | 'addNewerMessage'>;
  clock: Pick<Clock, 'monotonicMs' | 'sleep'>;
  log: Log;
}

/**
 * How long an outdated worker goes on to receive. What it knows is not held up by the one message that it does not know,
 * and it hides few messages of a newer job from newer workers.
 */
export const OUTDATED_AFTER_MS = 30_000;

/** The messages that a worker holds, of all its queues, and the totals of those it has finished. Sets the worker's state. */
export class Workload {
  readonly #options: WorkloadOptions;
  readonly #held = new Set<HeldMessage>();
  #idleSinceMs: number;
  imagesDone = 0;
  batchesDone = 0;

  constructor(options: WorkloadOptions) {
    this.#options = options;
    this.#idleSinceMs = options.clock.monotonicMs();
  }

  get isEmpty(): boolean {
    return this.#held.size === 0;
  }

  /** How long no message has been held; 0 while one is. */
  get idleForMs(): number {
    return this.isEmpty ? this.#options.clock.monotonicMs() - this.#idleSinceMs : 0;
  }

  /** The worker begins to receive messages. */
  start(): void {
    this.#options.status.reached('readyMs');
    this.#updateState();
  }

  /** Holds the message during its work. An error of that work ends the worker. */
  async run(held: HeldMessage, work: () => Promise<MessageResult>): Promise<void> {
    const { stop, status, clock, log } = this.#options;
    status.reached('firstMessageMs');
    this.#held.add(held);
    // It may have been received at the moment of the stop.
    if (stop.signal.aborted && stop.reason !== 'outdated') held.releaseUnlessBegun();
    this.#updateState();
    try {
      this.#count(await work());
    } catch (error) {
      log.error({ ...held.logFields, error }, 'Message failed with an error that ends the worker.');
      stop.because('failed', error);
    }
    this.#held.delete(held);
    this.#idleSinceMs = clock.monotonicMs();
    this.#updateState();
  }

  /** Drains: releases all messages that are not begun. An outdated worker finishes them: it knows their format. */
  drain(): void {
    const { stop, status } = this.#options;
    if (stop.reason === 'failed') status.setState('failed', messageOf(stop.error));
    else status.setState(stop.reason === 'outdated' ? 'outdated' : 'draining');
    if (stop.reason !== 'outdated') this.releaseUnbegun();
  }

  releaseUnbegun(): void {
    for (const held of this.#held) held.releaseUnlessBegun();
  }

  /** Stops the work on every message at once. */
  abandon(): void {
    for (const held of this.#held) held.abandon();
  }

  #count(result: MessageResult): void {
    const { status } = this.#options;
    if (result.kind === 'outdated') this.#becomeOutdated();
    if (result.kind !== 'done') return;
    this.batchesDone++;
    this.imagesDone += result.written.length;
    if (result.written.length > 0) status.reached('firstResultMs');
  }

  #becomeOutdated(): void {
    const { stop, status, clock } = this.#options;
    status.addNewerMessage();
    void clock.sleep(OUTDATED_AFTER_MS, stop.signal).then(() => stop.because('outdated'));
  }

  #updateState(): void {
    const { stop, status } = this.#options;
    if (!stop.signal.aborted) status.setState(this.isEmpty ? 'ready' : 'busy');
  }
}

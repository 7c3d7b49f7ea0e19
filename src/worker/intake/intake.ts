import type { Queue, ReceivedMessage } from '../../core/cloud/ports.ts';
import type { Liveness } from '../../core/fleet/liveness.ts';
import type { Clock } from '../../core/runtime/clock.ts';
import { isTransient } from '../../core/runtime/errors.ts';
import type { Log } from '../../core/runtime/log.ts';
import type { Meter } from '../../core/runtime/metrics.ts';
import type { Stop } from '../lifecycle/stop.ts';
import { HeldMessage } from '../messages/held-message.ts';
import type { LeaseKeeper } from '../messages/lease.ts';
import type { MessageResult } from '../messages/message.ts';
import { ReceiveBackoff } from './receive-backoff.ts';
import type { Workload } from './workload.ts';

export interface IntakeTools {
  queue: Queue;
  leases: LeaseKeeper;
  clock: Clock;
  /** 0 (inclusive) to 1 (exclusive). */
  random: () => number;
  log: Log;
  meter: Meter;
  /** What the queue is called in figures. */
  queueTitle: string;
}

/** How a queue is served. */
export interface Service {
  /** How many more messages may be held beside these. */
  room(held: readonly HeldMessage[]): number;
  /** How long to wait for a message. */
  waitMs(): number;
  work(batch: HeldMessage): Promise<MessageResult>;
  /** The worker had nothing in hand, and nothing came. */
  onQuiet(): void;
  /** Receiving failed, and trying again at once cannot help. */
  onFailure(error: unknown): void | Promise<void>;
}

export interface IntakeOptions {
  tools: IntakeTools;
  leaseMs: number;
  service: Service;
  workload: Workload;
  stop: Stop;
  liveness: Liveness;
}

/** SQS's limits of one receive. */
const MAX_RECEIVE = 10;
export const MAX_WAIT_MS = 20_000;

/**
 * Receives the messages of one queue while there is room for them, and runs each, all at the same time: what waits for
 * a runner is already downloading. Ends when it is told to stop, with none left.
 */
export class Intake {
  readonly #options: IntakeOptions;
  readonly #trouble: ReceiveBackoff;
  readonly #batches = new Map<HeldMessage, Promise<void>>();
  #received = 0;
  #changed = Promise.withResolvers<void>();

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#trouble = new ReceiveBackoff(options.tools);
  }

  /** Resolves once it was told to stop and every batch is finished or given back. */
  async run(): Promise<void> {
    const { tools, stop, service, liveness } = this.#options;
    stop.signal.addEventListener('abort', () => this.#changed.resolve(), { once: true });
    while (!stop.signal.aborted) {
      liveness.heartbeat(tools.queue.name);
      try {
        await this.#receive();
      } catch (error) {
        if (stop.signal.aborted) break;
        if (isTransient(error)) this.#trouble.note(error);
        else await service.onFailure(error);
      }
    }
    liveness.idle(tools.queue.name);
    await Promise.all(this.#batches.values());
  }

  async #receive(): Promise<void> {
    const { tools, stop, leaseMs, service, workload } = this.#options;
    await this.#trouble.pause(stop.signal);
    const max = this.#room();
    if (max === 0) return await this.#change();
    const wasEmpty = workload.isEmpty;
    const waitMs = service.waitMs();
    const messages = await tools.queue.receive({ max, waitMs, leaseMs, signal: stop.signal });
    for (const message of messages) this.#accept(message);
    if (messages.length === 0 && wasEmpty && !stop.signal.aborted) service.onQuiet();
  }

  /** Resolves when a batch is through, or at the stop. */
  async #change(): Promise<void> {
    if (this.#batches.size === 0 || this.#options.stop.signal.aborted) return;
    this.#changed = Promise.withResolvers();
    // What is in hand has limits of its own: those of runners and of requests.
    this.#options.liveness.idle(this.#options.tools.queue.name);
    await this.#changed.promise;
  }

  /** One message at a time while the world is in trouble. */
  #room(): number {
    const held = [...this.#batches.keys()];
    if (this.#trouble.isThere) return held.length === 0 ? 1 : 0;
    return Math.min(MAX_RECEIVE, this.#options.service.room(held));
  }

  #accept(message: ReceivedMessage): void {
    const { leases, clock, log, meter, queueTitle } = this.#options.tools;
    meter.record('QueueWaitMs', Math.max(0, clock.nowMs() - message.sentAtMs), queueTitle);
    const batch = new HeldMessage(message, this.#received++, clock.monotonicMs());
    leases.hold(message.receipt, () => {
      log.warn(batch.about, 'The lease of a message is lost: another worker may do the same work.');
      batch.loseLease();
    });
    this.#batches.set(batch, this.#run(batch));
  }

  async #run(batch: HeldMessage): Promise<void> {
    const { service, workload } = this.#options;
    await workload.run(batch, async () => {
      const end = await service.work(batch);
      if (end.kind === 'failed' && isTransient(end.error)) this.#trouble.note(end.error);
      if (end.kind === 'done') this.#trouble.end();
      return end;
    });
    this.#batches.delete(batch);
    this.#changed.resolve();
  }
}

import type { Queue, ReceivedMessage } from '../../core/cloud/ports.ts';
import type { Liveness } from '../../core/fleet/liveness.ts';
import type { Clock } from '../../core/runtime/clock.ts';
import { isTransient } from '../../core/runtime/errors.ts';
import type { Log } from '../../core/runtime/log.ts';
import type { Meter } from '../../core/runtime/metrics.ts';
import type { Stop } from '../lifecycle/stop.ts';
import type { MessageResult } from '../messages/handle-message.ts';
import { HeldMessage } from '../messages/held-message.ts';
import type { LeaseKeeper } from '../messages/lease.ts';
import { JobTurns } from './job-turns.ts';
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
  /** The name of the queue in metrics. */
  queueTitle: string;
}

/** What differs from queue to queue. */
export interface Service {
  /** How many messages may be received while these are held. */
  room(held: readonly HeldMessage[]): number;
  /** How long to wait for a message. */
  waitMs(): number;
  work(held: HeldMessage): Promise<MessageResult>;
  /** A receive returned no message, and the worker held none when it began. */
  onEmptyReceive(): void;
  /** A receive failed with a permanent error. */
  onReceiveError(error: unknown): void | Promise<void>;
}

export interface IntakeOptions {
  tools: IntakeTools;
  leaseMs: number;
  service: Service;
  workload: Workload;
  stop: Stop;
  /** The worker ends at once. */
  force: AbortSignal;
  liveness: Liveness;
}

/** SQS's limits for one receive. */
const MAX_RECEIVE = 10;
export const MAX_WAIT_MS = 20_000;

/** A worker that runs once ends soon. Long enough for SQS to ask all of the queue's servers. */
export const ONCE_WAIT_MS = 1000;

/**
 * Receives the messages of one queue while there is room, and works on all of them at the same time: while some wait
 * for a runner, their images are downloaded.
 */
export class Intake {
  readonly #options: IntakeOptions;
  readonly #backoff: ReceiveBackoff;
  readonly #held = new Map<HeldMessage, Promise<void>>();
  readonly #turns = new JobTurns();
  #hasRoom = Promise.withResolvers<void>();

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#backoff = new ReceiveBackoff(options.tools);
  }

  /** Resolves after the stop, when every message is finished or released. */
  async run(): Promise<void> {
    const { tools, stop, service, liveness } = this.#options;
    stop.signal.addEventListener('abort', () => this.#hasRoom.resolve(), { once: true });
    while (!stop.signal.aborted) {
      liveness.heartbeat(tools.queue.name);
      try {
        await this.#receive();
      } catch (error) {
        if (stop.signal.aborted) break;
        if (isTransient(error)) this.#backoff.recordFailure(error);
        else await service.onReceiveError(error);
      }
    }
    liveness.idle(tools.queue.name);
    await Promise.all(this.#held.values());
  }

  async #receive(): Promise<void> {
    const { tools, stop, force, leaseMs, service, workload } = this.#options;
    await this.#backoff.wait(stop.signal);
    const max = this.#room();
    if (max === 0) return await this.#waitForRoom();
    const wasEmpty = workload.isEmpty;
    const waitMs = service.waitMs();
    const messages = await tools.queue.receive({ max, waitMs, leaseMs, stop: stop.signal, signal: force });
    // After a stop the workload releases them.
    for (const message of messages) this.#accept(message);
    if (messages.length === 0 && wasEmpty && !stop.signal.aborted) service.onEmptyReceive();
  }

  /** Resolves when there is room, or at the stop. */
  async #waitForRoom(): Promise<void> {
    if (this.#held.size === 0 || this.#options.stop.signal.aborted) return;
    this.#hasRoom = Promise.withResolvers();
    // The runners and the requests of a held message have time limits of their own.
    this.#options.liveness.idle(this.#options.tools.queue.name);
    await this.#hasRoom.promise;
  }

  /** One message at a time while backing off. */
  #room(): number {
    const held = [...this.#held.keys()];
    if (this.#backoff.isBackingOff) return held.length === 0 ? 1 : 0;
    return Math.min(MAX_RECEIVE, this.#options.service.room(held));
  }

  #accept(message: ReceivedMessage): void {
    const { leases, clock, log, meter, queueTitle } = this.#options.tools;
    meter.record('QueueWaitMs', Math.max(0, clock.nowMs() - message.sentAtMs), queueTitle);
    const held = new HeldMessage(message, {
      receivedAtMs: clock.monotonicMs(),
      turns: this.#turns,
      onImageDone: () => this.#wake(),
    });
    leases.hold(message.receipt, () => {
      log.warn(held.logFields, 'Lost a message lease; another worker may process the same message.');
      held.loseLease();
    });
    this.#held.set(held, this.#run(held));
  }

  async #run(held: HeldMessage): Promise<void> {
    const { service, workload } = this.#options;
    await workload.run(held, async () => {
      const result = await service.work(held);
      if (result.kind === 'failed' && isTransient(result.error)) this.#backoff.recordFailure(result.error);
      if (result.kind === 'done') this.#backoff.reset();
      return result;
    });
    this.#held.delete(held);
    this.#wake();
  }

  #wake(): void {
    if (this.#room() > 0) this.#hasRoom.resolve();
  }
}

import type { ReceivedMessage } from '../../core/cloud/ports.ts';
import type { QueueMessage } from '../../core/drop/notification.ts';
import type { RequestMessage } from '../../core/job/messages.ts';
import { aboutJob } from '../../core/job/trace.ts';

/** A received message. Until its work begins it can be released. */
export class HeldMessage {
  readonly message: ReceivedMessage;
  /** Counts up with each message received. */
  readonly order: number;
  /** By the worker's monotonic clock. */
  readonly receivedAtMs: number;
  #parsed: QueueMessage | undefined;
  #begun = false;
  #leaseLost = false;
  readonly #stop = new AbortController();

  constructor(message: ReceivedMessage, order: number, receivedAtMs: number) {
    this.message = message;
    this.order = order;
    this.receivedAtMs = receivedAtMs;
  }

  /** Its request; undefined before it is parsed, and for a notification. */
  get request(): RequestMessage | undefined {
    return this.#parsed !== undefined && 'request' in this.#parsed ? this.#parsed.request : undefined;
  }

  /** Its number of images; 1 before it is parsed. */
  get images(): number {
    if (this.#parsed === undefined) return 1;
    return 'request' in this.#parsed
      ? this.#parsed.request.images.length
      : this.#parsed.notification.events.length;
  }

  /** The fields of every log line about it. The message group of an unreadable request is its job. */
  get logFields(): object {
    const { id: message, groupId: job } = this.message;
    return { message, ...(this.request === undefined ? { job } : aboutJob(this.request)) };
  }

  parsed(message: QueueMessage): void {
    this.#parsed = message;
  }

  /** Aborts when its work must stop. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  get leaseLost(): boolean {
    return this.#leaseLost;
  }

  /** From now on it is finished, not released. */
  begin(): void {
    this.#begun = true;
  }

  releaseUnlessBegun(): void {
    if (!this.#begun) this.#stop.abort(new Error('The message is released.'));
  }

  /** Stops its work at once, begun or not. */
  abandon(): void {
    this.#stop.abort(new Error('The worker was forced to end.'));
  }

  /** Another worker will receive it. Begun work goes on: the first worker to write the shard wins. */
  loseLease(): void {
    this.#leaseLost = true;
    this.releaseUnlessBegun();
  }
}

import type { ReceivedMessage } from '../../core/cloud/ports.ts';
import type { RequestMessage } from '../../core/job/messages.ts';
import type { QueueMessage } from '../../core/job/notification.ts';
import { aboutJob } from '../../core/job/trace.ts';

/** A message as this worker holds it. It can be given back until it is begun. */
export class HeldMessage {
  readonly message: ReceivedMessage;
  /** Counts up with each message received. */
  readonly order: number;
  /** By the worker's monotonic clock. */
  readonly receivedAtMs: number;
  #parsed: QueueMessage | undefined;
  #begun = false;
  #leaseLost = false;
  readonly #end = new AbortController();

  constructor(message: ReceivedMessage, order: number, receivedAtMs: number) {
    this.message = message;
    this.order = order;
    this.receivedAtMs = receivedAtMs;
  }

  /** The request that it is; undefined until it is parsed, and where it is none. */
  get request(): RequestMessage | undefined {
    return this.#parsed !== undefined && 'request' in this.#parsed ? this.#parsed.request : undefined;
  }

  /** How many images it has, as far as is known. */
  get images(): number {
    if (this.#parsed === undefined) return 1;
    return 'request' in this.#parsed
      ? this.#parsed.request.images.length
      : this.#parsed.notification.events.length;
  }

  /** The fields of every log line about it. The group of a request that cannot be read is its job. */
  get about(): object {
    const { id: message, groupId: job } = this.message;
    return { message, ...(this.request === undefined ? { job } : aboutJob(this.request)) };
  }

  parsed(message: QueueMessage): void {
    this.#parsed = message;
  }

  /** Aborts when its work must stop. */
  get signal(): AbortSignal {
    return this.#end.signal;
  }

  get leaseLost(): boolean {
    return this.#leaseLost;
  }

  /** From here on it is finished rather than given back. */
  begin(): void {
    this.#begun = true;
  }

  giveBack(): void {
    if (!this.#begun) this.#end.abort(new Error('The message is given back.'));
  }

  /** Stops its work at once, begun or not. */
  abandon(): void {
    this.#end.abort(new Error('The work is abandoned.'));
  }

  /** Somebody else will get the message. Begun work goes on: the first to write the shard wins. */
  loseLease(): void {
    this.#leaseLost = true;
    this.giveBack();
  }
}

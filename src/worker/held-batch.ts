import type { RequestMessage } from '../core/messages.ts';
import type { ReceivedMessage } from '../core/ports.ts';
import { aboutJob } from '../core/trace.ts';

/** A message as this worker holds it. It can be given back until it is begun. */
export class Batch {
  readonly message: ReceivedMessage;
  /** Counts up with each message received. */
  readonly order: number;
  /** By the worker's monotonic clock. */
  readonly receivedAtMs: number;
  #request: RequestMessage | undefined;
  #begun = false;
  #leaseLost = false;
  readonly #end = new AbortController();

  constructor(message: ReceivedMessage, order: number, receivedAtMs: number) {
    this.message = message;
    this.order = order;
    this.receivedAtMs = receivedAtMs;
  }

  /** What the message asks for; undefined until it is parsed, and where it cannot be. */
  get request(): RequestMessage | undefined {
    return this.#request;
  }

  /** How many images it has, as far as is known. */
  get images(): number {
    return this.#request?.images.length ?? 1;
  }

  /** The fields of every log line about it. The group of a request that cannot be read is its job. */
  get about(): object {
    const { id: message, groupId: job } = this.message;
    return { message, ...(this.#request === undefined ? { job } : aboutJob(this.#request)) };
  }

  parsed(request: RequestMessage): void {
    this.#request = request;
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

import type { ReceivedMessage } from '../core/ports.ts';

/** A message as this worker holds it. It can be given back until it is begun. */
export class Batch {
  readonly message: ReceivedMessage;
  /** Counts up with each message received. */
  readonly order: number;
  /** Known once the message is parsed. */
  images = 1;
  #begun = false;
  #leaseLost = false;
  readonly #end = new AbortController();

  constructor(message: ReceivedMessage, order: number) {
    this.message = message;
    this.order = order;
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

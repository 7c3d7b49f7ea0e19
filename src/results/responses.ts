import type { Queue, ReceivedMessage } from '../core/cloud/ports.ts';
import { parseResponse, type ResponseMessage } from '../core/job/messages.ts';
import { onAbort } from '../core/runtime/abort.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { QueueMissingError } from '../core/runtime/errors.ts';

/** How long a wait for responses is; when nothing came for so long, the ledger is worth a look. */
const QUIET_MS = 5000;
/** How often the ledger is looked at where there is no queue to wait on. */
const POLL_MS = 1000;
/** Nobody else reads a waiter's own queue; the lease only has to outlast the acknowledgement. */
const LEASE_MS = 60_000;

/**
 * Listens to a waiter's response queue, or only waits where there is none.
 *
 * A wait that has begun goes on until it ends by itself, over several calls if need be: SQS may hand a message to a wait
 * that its caller has given up, and would then hide it for the whole lease.
 */
export class ResponseListener {
  readonly #queue: Queue | undefined;
  readonly #clock: Clock;
  readonly #closing = new AbortController();
  #receiving: Promise<ReceivedMessage[]> | undefined;

  constructor(queue: Queue | undefined, clock: Clock) {
    this.#queue = queue;
    this.#clock = clock;
  }

  /**
   * The responses that came; none when it was quiet for a while, or when `wake` aborted meanwhile.
   * Responses are acknowledged as they are answered: they are hints, and the ledger has the rest.
   */
  async receive(wake?: AbortSignal): Promise<ResponseMessage[]> {
    this.#receiving ??= this.#receive();
    // Its failure is met by whoever awaits it next.
    this.#receiving.catch(() => {});
    const received = await orWoken(this.#receiving, wake).catch((error: unknown) => {
      this.#receiving = undefined;
      throw error;
    });
    if (received === undefined) return [];
    this.#receiving = undefined;
    if (received.length > 0) await this.#acknowledge(received);
    return received.flatMap(({ body }) => readResponse(body) ?? []);
  }

  close(): void {
    this.#closing.abort();
  }

  async #acknowledge(received: readonly ReceivedMessage[]): Promise<void> {
    try {
      await this.#queue?.delete(received.map(({ receipt }) => receipt));
    } catch (error) {
      if (!(error instanceof QueueMissingError)) throw error;
    }
  }

  async #receive(): Promise<ReceivedMessage[]> {
    const { signal } = this.#closing;
    try {
      if (this.#queue !== undefined) {
        return await this.#queue.receive({ max: 10, waitMs: QUIET_MS, leaseMs: LEASE_MS, signal });
      }
    } catch (error) {
      // Somebody swept the queue away: the ledger has everything that it would have said.
      if (!(error instanceof QueueMissingError)) throw error;
    }
    await this.#clock.sleep(POLL_MS, signal);
    return [];
  }
}

/** What the promise resolves with, or undefined when the signal aborts first. */
async function orWoken<T>(promise: Promise<T>, wake: AbortSignal | undefined): Promise<T | undefined> {
  if (wake === undefined) return await promise;
  if (wake.aborted) return undefined;
  const woken = Promise.withResolvers<undefined>();
  const forget = onAbort(wake, () => woken.resolve(undefined));
  try {
    return await Promise.race([promise, woken.promise]);
  } finally {
    forget();
  }
}

/** A response that cannot be read is a hint that is lost. */
export function readResponse(body: string): ResponseMessage | undefined {
  try {
    return parseResponse(body);
  } catch {
    return undefined;
  }
}

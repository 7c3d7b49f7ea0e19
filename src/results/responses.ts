import type { Queue, ReceivedMessage } from '../core/cloud/ports.ts';
import { parseResponse, type ResponseMessage } from '../core/job/messages.ts';
import { onAbort } from '../core/runtime/abort.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { QueueMissingError } from '../core/runtime/errors.ts';

/** Long poll for responses. After this long without one, or when not every shard has one, the waiter lists the ledger. */
const RECEIVE_WAIT_MS = 5000;
/** Interval between listings of the ledger without a response queue. */
const POLL_MS = 1000;
/** Only the waiter reads its queue, so the lease only has to outlast the acknowledgement. */
const LEASE_MS = 60_000;

export interface ResponseListenerOptions {
  responses?: Queue;
  /** Aborts when some shards have no response. */
  exhausted?: AbortSignal;
  clock: Clock;
}

/**
 * Receives from a waiter's response queue, or only sleeps if there is none.
 *
 * A receive that has begun continues until it ends by itself, over several calls if necessary: SQS may deliver a message to
 * an aborted receive, which would hide the message for the whole lease.
 */
export class ResponseListener {
  readonly #queue: Queue | undefined;
  readonly #clock: Clock;
  readonly #exhausted: AbortSignal | undefined;
  #listedAtMs: number;
  readonly #closing = new AbortController();
  #receiving: Promise<ReceivedMessage[]> | undefined;

  constructor({ responses, exhausted, clock }: ResponseListenerOptions) {
    this.#queue = responses;
    this.#clock = clock;
    this.#exhausted = exhausted;
    this.#listedAtMs = clock.monotonicMs();
  }

  /** Whether the ledger has to be listed after a receive: it may have shards of which no response told. */
  mustList(received: readonly ResponseMessage[]): boolean {
    const nowMs = this.#clock.monotonicMs();
    const isDue = this.#exhausted?.aborted === true && nowMs - this.#listedAtMs >= RECEIVE_WAIT_MS;
    if (received.length > 0 && !isDue) return false;
    this.#listedAtMs = nowMs;
    return true;
  }

  /**
   * The received responses. Empty if none arrived for a while, or when `wake` aborts.
   * They are acknowledged at once: they are hints, and the ledger has all outcomes.
   */
  async receive(wake?: AbortSignal): Promise<ResponseMessage[]> {
    this.#receiving ??= this.#receive();
    // A rejection is handled by the next call that awaits it.
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

  /** Until {@link close}: a waiter that is interrupted must not wait for a service that does not answer. */
  async #acknowledge(received: readonly ReceivedMessage[]): Promise<void> {
    const acknowledged = this.#queue?.delete(received.map(({ receipt }) => receipt)) ?? Promise.resolve([]);
    acknowledged.catch(() => {});
    try {
      await orWoken(acknowledged, this.#closing.signal);
    } catch (error) {
      if (!(error instanceof QueueMissingError)) throw error;
    }
  }

  async #receive(): Promise<ReceivedMessage[]> {
    const { signal } = this.#closing;
    try {
      if (this.#queue !== undefined) {
        return await this.#queue.receive({ max: 10, waitMs: RECEIVE_WAIT_MS, leaseMs: LEASE_MS, signal });
      }
    } catch (error) {
      // The queue was swept. The ledger has all outcomes.
      if (!(error instanceof QueueMissingError)) throw error;
    }
    await this.#clock.sleep(POLL_MS, signal);
    return [];
  }
}

/** Resolves as the promise, or with undefined if the signal aborts first. */
async function orWoken<T>(promise: Promise<T>, wake: AbortSignal | undefined): Promise<T | undefined> {
  if (wake === undefined) return await promise;
  if (wake.aborted) return undefined;
  const woken = Promise.withResolvers<undefined>();
  const removeListener = onAbort(wake, () => woken.resolve(undefined));
  try {
    return await Promise.race([promise, woken.promise]);
  } finally {
    removeListener();
  }
}

/** Undefined if the response is invalid: the ledger has its outcomes. */
export function readResponse(body: string): ResponseMessage | undefined {
  try {
    return parseResponse(body);
  } catch {
    return undefined;
  }
}

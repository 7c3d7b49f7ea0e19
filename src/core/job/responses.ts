import type { Cloud } from '../cloud/ports.ts';
import { QueueMissingError } from '../runtime/errors.ts';
import { FORMAT } from '../runtime/versioned.ts';
import { isResponseQueue } from './keys.ts';
import { MAX_MESSAGE_BYTES, messageText, type RequestMessage, type ResponseMessage } from './messages.ts';
import type { Shard } from './shard.ts';

/**
 * So many shards of a submission are told to its waiter. It hears 440 responses a second from SQS, one request after the
 * other, and a listing gives it 1,000 shards a request, for the price of four responses.
 */
export const MAX_RESPONSES = 1000;

/** The response queue of a waiter, and how many more responses it takes. */
export class ResponseAddress {
  /** Name of the queue. */
  readonly queue: string;
  readonly #exhausted = new AbortController();
  #left: number;

  constructor(queue: string, responses = MAX_RESPONSES) {
    this.queue = queue;
    this.#left = responses;
  }

  /** Aborts when a shard has to do without a response: from now on the waiter lists the ledger. */
  get exhausted(): AbortSignal {
    return this.#exhausted.signal;
  }

  /** The queue for the response to one more shard. */
  take(): { replyTo?: string } {
    if (this.#left-- > 0) return { replyTo: this.queue };
    this.#exhausted.abort();
    return {};
  }
}

/** The response message for a shard: with its outcomes if they fit, else without. */
export function responseFor(
  { job, trace }: Pick<RequestMessage, 'job' | 'trace'>,
  worker: string,
  { range, outcomes }: Shard,
): string {
  const hint: ResponseMessage = { v: FORMAT, job, trace, ...range, worker };
  if (outcomes !== undefined) {
    const whole = messageText({ ...hint, outcomes });
    if (Buffer.byteLength(whole) <= MAX_MESSAGE_BYTES) return whole;
  }
  return messageText(hint);
}

/**
 * Sends the outcomes of shards to the waiter, if there is one.
 * @param worker the id of the worker, or what else wrote the shards.
 */
export async function sendResponses(
  { queues, cluster }: Pick<Cloud, 'queues' | 'cluster'>,
  request: Pick<RequestMessage, 'job' | 'trace' | 'replyTo'>,
  { worker, shards }: { worker: string; shards: readonly Shard[] },
  signal?: AbortSignal,
): Promise<void> {
  const { job, replyTo } = request;
  // A request must not make its reader write to any other queue, nor end it by naming a queue that denies access.
  if (replyTo === undefined || !isResponseQueue(cluster, replyTo)) return;
  const responses = shards.map((shard) => ({ body: responseFor(request, worker, shard), groupId: job }));
  try {
    await queues.open(replyTo).send(responses, signal);
  } catch (error) {
    // The waiter is gone. One that returns reads the ledger.
    if (!(error instanceof QueueMissingError)) throw error;
  }
}

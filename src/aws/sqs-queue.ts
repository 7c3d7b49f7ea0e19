/** The Queue port over one SQS standard queue. */
import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import type {
  OutgoingMessage,
  Queue,
  QueueDepth,
  ReceivedMessage,
  ReceiveOptions,
} from '../core/cloud/ports.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import { lacks } from './errors.ts';
import { calling, type Timing } from './retry.ts';
import { type BatchResponse, callInBatches, isLostReceipt } from './sqs-batch.ts';
import type { QueueUrls } from './sqs-urls.ts';

/** SQS counts in whole seconds. Rounds up: a lease, delay or wait is never shorter than requested. */
export const wholeSeconds = (ms: number): number => Math.ceil(ms / 1_000);

/**
 * The longest poll of a receive that can be stopped: SQS leases the next message even to a poll whose caller has gone, so a
 * stop has to wait for it (docs/decisions/0034-stopping-a-poll.md).
 */
const STOPPABLE_POLL_MS = 5_000;

export class SqsQueue implements Queue {
  readonly name: string;
  readonly #client: SQSClient;
  readonly #urls: QueueUrls;
  readonly #timing: Timing;

  constructor(name: string, client: SQSClient, urls: QueueUrls, timing: Timing) {
    this.name = name;
    this.#client = client;
    this.#urls = urls;
    this.#timing = timing;
  }

  async send(messages: readonly OutgoingMessage[], signal?: AbortSignal): Promise<void> {
    const what = `send to queue ${this.name}`;
    const entries = messages.map((message, n) => ({
      id: String(n),
      bytes: Buffer.byteLength(message.body),
      ...message,
    }));
    const refused = await callInBatches(what, entries, this.#timing, signal, (batch) =>
      this.#calling(what, signal, (QueueUrl, options) =>
        this.#client.send(
          new SendMessageBatchCommand({
            QueueUrl,
            Entries: batch.map(({ id, body, groupId, delayMs }) => ({
              Id: id,
              MessageBody: body,
              // On a standard queue the group is the tenant of SQS's fair queues.
              ...(groupId === undefined ? {} : { MessageGroupId: groupId }),
              ...(delayMs === undefined ? {} : { DelaySeconds: wholeSeconds(delayMs) }),
            })),
          }),
          options,
        ),
      ),
    );
    const [first] = refused;
    if (first === undefined) return;
    throw new ImgclsError(
      'permanent',
      `Could not ${what}: SQS refused ${refused.length} of ${messages.length} messages (${first.code}: ${first.message}).`,
    );
  }

  async receive({ stop, waitMs, ...options }: ReceiveOptions): Promise<ReceivedMessage[]> {
    if (stop === undefined) return await this.#poll({ ...options, waitMs });
    for (let leftMs = waitMs; !stop.aborted; leftMs -= STOPPABLE_POLL_MS) {
      const messages = await this.#poll({ ...options, waitMs: Math.min(leftMs, STOPPABLE_POLL_MS) });
      if (messages.length > 0 || leftMs <= STOPPABLE_POLL_MS) return messages;
    }
    return [];
  }

  async #poll({ max, waitMs, leaseMs, signal }: Omit<ReceiveOptions, 'stop'>): Promise<ReceivedMessage[]> {
    if (signal?.aborted) return [];
    try {
      const { Messages: messages = [] } = await this.#calling(
        `receive from queue ${this.name}`,
        signal,
        (QueueUrl, options) =>
          this.#client.send(
            new ReceiveMessageCommand({
              QueueUrl,
              MaxNumberOfMessages: max,
              WaitTimeSeconds: Math.min(20, wholeSeconds(waitMs)),
              VisibilityTimeout: wholeSeconds(leaseMs),
              MessageSystemAttributeNames: [
                'ApproximateReceiveCount',
                'ApproximateFirstReceiveTimestamp',
                'SentTimestamp',
                'MessageGroupId',
              ],
            }),
            options,
          ),
      );
      return messages.map((message) => this.#received(message));
    } catch (error) {
      // SQS redelivers messages of a response that we did not read, after their lease expires.
      if (signal?.aborted) return [];
      throw error;
    }
  }

  async extend(receipts: readonly string[], leaseMs: number): Promise<string[]> {
    const VisibilityTimeout = wholeSeconds(leaseMs);
    return await this.#lost(`extend leases of queue ${this.name}`, receipts, (QueueUrl, entries, options) =>
      this.#client.send(
        new ChangeMessageVisibilityBatchCommand({
          QueueUrl,
          Entries: entries.map((entry) => ({ ...entry, VisibilityTimeout })),
        }),
        options,
      ),
    );
  }

  async delete(receipts: readonly string[]): Promise<string[]> {
    return await this.#lost(`delete from queue ${this.name}`, receipts, (QueueUrl, Entries, options) =>
      this.#client.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }), options),
    );
  }

  async depth(signal?: AbortSignal): Promise<QueueDepth> {
    const { Attributes: attributes } = await this.#calling(
      `measure queue ${this.name}`,
      signal,
      (QueueUrl, options) =>
        this.#client.send(
          new GetQueueAttributesCommand({
            QueueUrl,
            AttributeNames: [
              'ApproximateNumberOfMessages',
              'ApproximateNumberOfMessagesNotVisible',
              'ApproximateNumberOfMessagesDelayed',
            ],
          }),
          options,
        ),
    );
    return {
      waiting: this.#count('ApproximateNumberOfMessages', attributes),
      inFlight: this.#count('ApproximateNumberOfMessagesNotVisible', attributes),
      delayed: this.#count('ApproximateNumberOfMessagesDelayed', attributes),
    };
  }

  /** Makes the call for all receipts and returns those whose lease is lost. */
  async #lost(
    what: string,
    receipts: readonly string[],
    call: (
      url: string,
      entries: { Id: string; ReceiptHandle: string }[],
      options: { abortSignal?: AbortSignal },
    ) => Promise<BatchResponse>,
  ): Promise<string[]> {
    const entries = [...new Set(receipts)].map((receipt, n) => ({ id: String(n), bytes: 0, receipt }));
    const refused = await callInBatches(what, entries, this.#timing, undefined, (batch) =>
      this.#calling(what, undefined, (url, options) =>
        call(
          url,
          batch.map(({ id, receipt }) => ({ Id: id, ReceiptHandle: receipt })),
          options,
        ),
      ),
    );
    const other = refused.find(({ code }) => !isLostReceipt(code));
    if (other !== undefined) {
      throw new ImgclsError('permanent', `Could not ${what}: SQS refused (${other.code}: ${other.message}).`);
    }
    return refused.map(({ entry }) => entry.receipt);
  }

  #calling<T>(
    what: string,
    signal: AbortSignal | undefined,
    call: (url: string, options: { abortSignal?: AbortSignal }) => Promise<T>,
  ): Promise<T> {
    return this.#urls.using(this.name, signal, (url) =>
      calling(what, signal, (options) => call(url, options)),
    );
  }

  #received({ MessageId, ReceiptHandle, Body, Attributes }: Message): ReceivedMessage {
    const sentAtMs = this.#count('SentTimestamp', Attributes);
    return {
      id: this.#present('MessageId', MessageId),
      receipt: this.#present('ReceiptHandle', ReceiptHandle),
      body: Body ?? '',
      groupId: Attributes?.MessageGroupId,
      receiveCount: this.#count('ApproximateReceiveCount', Attributes),
      sentAtMs,
      waitedMs: this.#count('ApproximateFirstReceiveTimestamp', Attributes) - sentAtMs,
    };
  }

  #count(name: string, attributes: Record<string, string> | undefined): number {
    return Number(this.#present(name, attributes?.[name]));
  }

  /** A missing attribute is an error, not zero. */
  #present(field: string, value: string | undefined): string {
    if (value !== undefined) return value;
    throw lacks(`SQS's response for queue ${this.name}`, field);
  }
}

/** The QueueService port over SQS standard queues. */
import {
  CreateQueueCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  ListQueuesCommand,
  type QueueAttributeName,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import type { ListedQueue, Queue, QueueService, QueueSettings } from '../core/cloud/ports.ts';
import { ImgclsError, QueueMissingError } from '../core/runtime/errors.ts';
import { hasCode } from './errors.ts';
import { calling, retrying, systemTiming, type Timing } from './retry.ts';
import { SqsQueue, wholeSeconds } from './sqs-queue.ts';
import { QueueUrls } from './sqs-urls.ts';

const DAY_SECONDS = 86_400;
const MAX_RETENTION_SECONDS = 14 * DAY_SECONDS;
const MIN_RETENTION_SECONDS = 60;
/** ListQueues returns a token for the next page only if the request has a page size. */
const PAGE_SIZE = 1_000;
const LOOKUPS_AT_ONCE = 10;

/** The caller destroys `client`. */
export function createSqsQueues(client: SQSClient, timing: Timing = systemTiming): QueueService {
  return new SqsQueues(client, timing);
}

class SqsQueues implements QueueService {
  readonly #client: SQSClient;
  readonly #timing: Timing;
  readonly #urls: QueueUrls;

  constructor(client: SQSClient, timing: Timing) {
    this.#client = client;
    this.#timing = timing;
    this.#urls = new QueueUrls(client);
  }

  open(name: string): Queue {
    return new SqsQueue(name, this.#client, this.#urls, this.#timing);
  }

  async create(name: string, settings: QueueSettings = {}): Promise<Queue> {
    const attributes = await this.#attributesFor(settings);
    const url = await this.#createIfMissing(name, attributes);
    if (url !== undefined) {
      this.#urls.remember(name, url);
      await this.#untilUsable(name);
    }
    return this.open(name);
  }

  async remove(name: string, signal?: AbortSignal): Promise<void> {
    try {
      await this.#urls.using(name, signal, (QueueUrl) =>
        calling(`remove queue ${name}`, signal, (options) =>
          this.#client.send(new DeleteQueueCommand({ QueueUrl }), options),
        ),
      );
    } catch (error) {
      if (!(error instanceof QueueMissingError)) throw error;
    } finally {
      this.#urls.forget(name);
    }
  }

  async *list(prefix: string): AsyncGenerator<ListedQueue> {
    let token: string | undefined;
    do {
      const { QueueUrls: urls = [], NextToken } = await calling(`list queues ${prefix}*`, undefined, () =>
        this.#client.send(
          new ListQueuesCommand({
            ...(prefix === '' ? {} : { QueueNamePrefix: prefix }),
            MaxResults: PAGE_SIZE,
            ...(token === undefined ? {} : { NextToken: token }),
          }),
        ),
      );
      for (let at = 0; at < urls.length; at += LOOKUPS_AT_ONCE) {
        const found = await Promise.all(urls.slice(at, at + LOOKUPS_AT_ONCE).map((url) => this.#listed(url)));
        yield* found.filter((queue) => queue !== undefined);
      }
      token = NextToken;
    } while (token !== undefined);
  }

  async #attributesFor(settings: QueueSettings): Promise<Partial<Record<QueueAttributeName, string>>> {
    const { deadLetter, retentionMs = MAX_RETENTION_SECONDS * 1_000 } = settings;
    const retention = Math.min(
      MAX_RETENTION_SECONDS,
      Math.max(MIN_RETENTION_SECONDS, wholeSeconds(retentionMs)),
    );
    return {
      VisibilityTimeout: '60',
      MessageRetentionPeriod: String(retention),
      ReceiveMessageWaitTimeSeconds: '20',
      SqsManagedSseEnabled: 'true',
      ...(deadLetter && {
        RedrivePolicy: JSON.stringify({
          deadLetterTargetArn: await this.#attribute(deadLetter.queue, 'QueueArn'),
          maxReceiveCount: String(deadLetter.maxReceiveCount),
        }),
      }),
    };
  }

  /** The URL of the new queue; undefined if a queue with other settings exists, which is kept as it is. */
  async #createIfMissing(
    name: string,
    Attributes: Partial<Record<QueueAttributeName, string>>,
  ): Promise<string | undefined> {
    try {
      const { QueueUrl } = await calling(`create queue ${name}`, undefined, () =>
        this.#client.send(new CreateQueueCommand({ QueueName: name, Attributes })),
      );
      return QueueUrl;
    } catch (error) {
      if (error instanceof ImgclsError && hasCode(error.cause, 'QueueNameExists', 'QueueAlreadyExists'))
        return undefined;
      throw error;
    }
  }

  /** Parts of SQS may not know a new queue for about a second. Users of the queue must not take that for its removal. */
  async #untilUsable(name: string): Promise<void> {
    await retrying(
      this.#timing,
      undefined,
      (error) => error instanceof QueueMissingError,
      () => this.#attribute(name, 'QueueArn'),
    );
  }

  #attribute(name: string, attribute: QueueAttributeName): Promise<string> {
    return this.#urls.using(name, undefined, (url) => this.#attributeOf(url, attribute));
  }

  async #attributeOf(QueueUrl: string, attribute: QueueAttributeName): Promise<string> {
    const { Attributes } = await calling(`read the attributes of queue ${nameIn(QueueUrl)}`, undefined, () =>
      this.#client.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: [attribute] })),
    );
    const value = Attributes?.[attribute];
    if (value === undefined)
      throw new ImgclsError('transient', `SQS's response lacks the ${attribute} of ${QueueUrl}.`);
    return value;
  }

  /** Undefined if the queue was deleted after it was listed. */
  async #listed(url: string): Promise<ListedQueue | undefined> {
    const name = nameIn(url);
    try {
      const seconds = Number(await this.#attributeOf(url, 'CreatedTimestamp'));
      return { name, createdAtMs: seconds * 1_000 };
    } catch (error) {
      if (error instanceof ImgclsError && hasCode(error.cause, 'QueueDoesNotExist', 'NonExistentQueue'))
        return undefined;
      throw error;
    }
  }
}

const nameIn = (url: string): string => url.slice(url.lastIndexOf('/') + 1);

/** The URLs by which SQS names queues: looked up once, forgotten when a call finds that the queue is gone. */
import { GetQueueUrlCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { QueueMissingError } from '../core/runtime/errors.ts';
import { hasCode } from './errors.ts';
import { calling } from './retry.ts';

/** Every waiter has a response queue of its own: a worker that runs for months uses many. */
const MAX_REMEMBERED = 1_000;

const isMissing = (error: unknown): boolean =>
  hasCode(error, 'QueueDoesNotExist', 'NonExistentQueue') ||
  (error instanceof Error && error.cause !== undefined && isMissing(error.cause));

export class QueueUrls {
  readonly #client: SQSClient;
  /** Promises, because concurrent callers share a lookup. */
  readonly #urls = new Map<string, Promise<string>>();

  constructor(client: SQSClient) {
    this.#client = client;
  }

  /** @throws {QueueMissingError} when the lookup or the call finds no such queue. */
  async using<T>(
    name: string,
    signal: AbortSignal | undefined,
    call: (url: string) => Promise<T>,
  ): Promise<T> {
    try {
      return await call(await orAborted(this.#urlOf(name), signal));
    } catch (error) {
      if (!isMissing(error)) throw error;
      this.forget(name);
      throw new QueueMissingError(name, error);
    }
  }

  remember(name: string, url: string): void {
    this.#keep(name, Promise.resolve(url));
  }

  forget(name: string): void {
    this.#urls.delete(name);
  }

  #urlOf(name: string): Promise<string> {
    const known = this.#urls.get(name);
    if (known !== undefined) return known;
    const lookup = this.#lookUp(name);
    this.#keep(name, lookup);
    // Do not keep a failed lookup: the next one may succeed.
    lookup.catch(() => {
      if (this.#urls.get(name) === lookup) this.forget(name);
    });
    return lookup;
  }

  async #lookUp(name: string): Promise<string> {
    const { QueueUrl } = await calling(`find queue ${name}`, undefined, () =>
      this.#client.send(new GetQueueUrlCommand({ QueueName: name })),
    );
    if (QueueUrl === undefined) throw new QueueMissingError(name);
    return QueueUrl;
  }

  #keep(name: string, url: Promise<string>): void {
    this.#urls.delete(name);
    this.#urls.set(name, url);
    const [oldest] = this.#urls.keys();
    if (this.#urls.size > MAX_REMEMBERED && oldest !== undefined) this.#urls.delete(oldest);
  }
}

/** An abort ends the wait of this caller only: others may share the lookup. */
async function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await promise;
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

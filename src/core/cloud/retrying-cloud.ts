/**
 * The ports of a cloud with retries: transient errors are retried with growing, jittered pauses until the signal aborts.
 * A retry may repeat what an earlier run has done. So a message may be sent twice, and a conditional put that finds its
 * own bytes counts as done.
 */
import { either } from '../runtime/abort.ts';
import { isTransient, ObjectMissingError, PreconditionFailedError } from '../runtime/errors.ts';
import { type RetryTools, retry } from '../runtime/retry.ts';
import type {
  Body,
  Cloud,
  KnownImages,
  ListedQueue,
  ObjectInfo,
  PutOptions,
  Queue,
  QueueService,
  Store,
} from './ports.ts';

/** Messages of one send. When its answer is lost, no more than these are sent twice. */
const MESSAGES_A_SEND = 10;

/** One run of an operation. */
interface Try {
  /** Its signal, as calls take it: without the property where there is none. */
  ending: { signal?: AbortSignal };
  /** Retries before this run. */
  retries: number;
}

/**
 * @param signal the call's own signal; it ends the retries too.
 * @param stop ends the retries, but not a run of the operation.
 */
type Retrying = <T>(
  operation: (attempt: Try) => Promise<T>,
  signal?: AbortSignal,
  stop?: AbortSignal,
) => Promise<T>;

const POLICY = { mayRetry: isTransient };

function retrying(tools: RetryTools): Retrying {
  return (operation, own, stop) => {
    // Most calls pass the signal that is watched anyway, or none.
    const signal = either(tools.signal, own);
    const ending = signal === undefined ? {} : { signal };
    const tries = { ...tools, signal: either(signal, stop) };
    return retry((retries) => operation({ ending, retries }), POLICY, tries);
  };
}

/** The cloud with ports that retry. Closing it closes the cloud. */
export function retryingCloud(cloud: Cloud, tools: RetryTools): Cloud {
  const withRetries = retrying(tools);
  const stores = new Map<Store, Store>();
  const storeOf = (store: Store): Store => {
    const known = stores.get(store) ?? retryingStore(store, withRetries);
    stores.set(store, known);
    return known;
  };
  return {
    kind: cloud.kind,
    cluster: cloud.cluster,
    input: storeOf(cloud.input),
    output: storeOf(cloud.output),
    queues: retryingQueues(cloud.queues, withRetries),
    known: cloud.known && retryingKnown(cloud.known, withRetries),
    search: cloud.search,
    processes: cloud.processes,
    bucket: (name) => storeOf(cloud.bucket(name)),
    ...(cloud.forget && {
      forget: (job: string, signal?: AbortSignal) =>
        withRetries(({ ending }) => (cloud as Required<Cloud>).forget(job, ending.signal), signal),
    }),
    close: () => cloud.close(),
  };
}

function retryingStore(store: Store, withRetries: Retrying): Store {
  return {
    bucket: store.bucket,
    head: (key, signal) => withRetries(({ ending }) => store.head(key, ending.signal), signal),
    get: (key, options) =>
      withRetries(({ ending }) => store.get(key, { ...options, ...ending }), options?.signal),
    getStream: (key, options) =>
      withRetries(({ ending }) => store.getStream(key, { ...options, ...ending }), options?.signal),
    put: (key, body, options) =>
      withRetries(
        ({ ending, retries }) => putAgain(store, key, body, { ...options, ...ending }, retries),
        options?.signal,
      ),
    ...(store.keepFor && {
      keepFor: (key: string, job: string, signal?: AbortSignal) =>
        withRetries(({ ending }) => (store as Required<Store>).keepFor(key, job, ending.signal), signal),
    }),
    refresh: (key, signal) => withRetries(({ ending }) => store.refresh(key, ending.signal), signal),
    delete: (keys, signal) => withRetries(({ ending }) => store.delete(keys, ending.signal), signal),
    list: (prefix, { startAfter, signal } = {}) =>
      pages(
        withRetries,
        signal,
        ({ key }) => key,
        (ending, after = startAfter) =>
          store.list(prefix, { ...ending, ...(after !== undefined && { startAfter: after }) }),
      ),
    listFolders: (prefix, signal) =>
      pages(
        withRetries,
        signal,
        (folder) => folder,
        (ending, after) => laterThan(after, store.listFolders(prefix, ending.signal)),
      ),
  };
}

/** A retried put may be refused because its first run succeeded and only the answer was lost. */
async function putAgain(
  store: Store,
  key: string,
  body: Body,
  options: PutOptions,
  retries: number,
): Promise<ObjectInfo> {
  try {
    return await store.put(key, body, options);
  } catch (error) {
    const mayBeOurs = retries > 0 && body instanceof Uint8Array;
    if (!mayBeOurs || !(error instanceof PreconditionFailedError)) throw error;
    const found = await getIfPresent(store, key, options.signal);
    if (found === undefined || Buffer.compare(found.body, body) !== 0) throw error;
    return found.info;
  }
}

async function getIfPresent(store: Store, key: string, signal: AbortSignal | undefined) {
  try {
    return await store.get(key, signal && { signal });
  } catch (error) {
    if (error instanceof ObjectMissingError) return undefined;
    throw error;
  }
}

/** Items of a listing. After a transient error it continues behind the last item that it yielded. */
async function* pages<T>(
  withRetries: Retrying,
  signal: AbortSignal | undefined,
  keyOf: (item: T) => string,
  open: (ending: Try['ending'], after: string | undefined) => AsyncIterable<T>,
): AsyncGenerator<T> {
  let last: string | undefined;
  let items: AsyncIterator<T> | undefined;
  const next = async ({ ending }: Try) => {
    try {
      items ??= open(ending, last)[Symbol.asyncIterator]();
      return await items.next();
    } catch (error) {
      items = undefined;
      throw error;
    }
  };
  try {
    for (
      let found = await withRetries(next, signal);
      found.done !== true;
      found = await withRetries(next, signal)
    ) {
      last = keyOf(found.value);
      yield found.value;
    }
  } finally {
    await items?.return?.();
  }
}

async function* laterThan(after: string | undefined, folders: AsyncIterable<string>): AsyncGenerator<string> {
  let isLater = after === undefined;
  for await (const folder of folders) {
    if (isLater) yield folder;
    isLater ||= folder === after;
  }
}

function retryingKnown(known: KnownImages, withRetries: Retrying): KnownImages {
  return {
    hasAny: (by, signal) => withRetries(({ ending }) => known.hasAny(by, ending.signal), signal),
    find: (images, by, signal) => withRetries(({ ending }) => known.find(images, by, ending.signal), signal),
  };
}

function retryingQueues(queues: QueueService, withRetries: Retrying): QueueService {
  return {
    open: (name) => retryingQueue(queues.open(name), withRetries),
    create: async (name, settings) =>
      retryingQueue(await withRetries(() => queues.create(name, settings)), withRetries),
    remove: (name, signal) => withRetries(({ ending }) => queues.remove(name, ending.signal), signal),
    list(prefix) {
      const yielded = new Set<string>();
      const open = () => othersThan(yielded, queues.list(prefix));
      return pages(withRetries, undefined, ({ name }) => name, open);
    },
  };
}

/** Queues are listed in no order, so a listing that starts again must know which ones it has yielded. */
async function* othersThan(
  yielded: Set<string>,
  queues: AsyncIterable<ListedQueue>,
): AsyncGenerator<ListedQueue> {
  for await (const queue of queues) {
    if (yielded.has(queue.name)) continue;
    yielded.add(queue.name);
    yield queue;
  }
}

function retryingQueue(queue: Queue, withRetries: Retrying): Queue {
  return {
    name: queue.name,
    async send(messages, signal) {
      for (let at = 0; at < messages.length; at += MESSAGES_A_SEND) {
        const some = messages.slice(at, at + MESSAGES_A_SEND);
        await withRetries(({ ending }) => queue.send(some, ending.signal), signal);
      }
    },
    async receive(options) {
      const { signal, stop } = options;
      try {
        return await withRetries(({ ending }) => queue.receive({ ...options, ...ending }), signal, stop);
      } catch (error) {
        // As every queue: no messages when the caller aborts.
        if (signal?.aborted || stop?.aborted) return [];
        throw error;
      }
    },
    extend: (receipts, leaseMs) => withRetries(() => queue.extend(receipts, leaseMs)),
    delete: (receipts) => withRetries(() => queue.delete(receipts)),
    depth: (signal) => withRetries(({ ending }) => queue.depth(ending.signal), signal),
  };
}

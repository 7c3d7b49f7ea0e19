/**
 * The ports, for those who wait: faults of the world are waited out with growing, jittered pauses, for as long as the
 * signal lets them. What was tried twice may have happened twice, so a message may be sent again, and a conditional put
 * that finds exactly its own bytes counts as done.
 */
import { backoffMs } from '../runtime/backoff.ts';
import type { Clock } from '../runtime/clock.ts';
import { isTransient, ObjectMissingError, PreconditionFailedError } from '../runtime/errors.ts';
import type {
  Body,
  Cloud,
  ListedQueue,
  ObjectInfo,
  PutOptions,
  Queue,
  QueueService,
  Store,
} from './ports.ts';

export interface RetryTools {
  clock: Pick<Clock, 'sleep'>;
  /** 0 (inclusive) to 1 (exclusive). */
  random(): number;
  /** Told of every fault that is waited out. */
  onTransient?(error: unknown): void;
  /** Ends the waiting; calls reject with its reason then. */
  signal?: AbortSignal;
}

/** Messages sent at once: so many come twice at most when an answer is lost. */
const SENT_AT_ONCE = 10;

/** What a try ends by, and how many there were before it. */
interface Try {
  /** As calls take it: without the property where there is none. */
  ending: { signal?: AbortSignal };
  before: number;
}

/** @param signal the call's own; it ends the waiting, too. */
type Retry = <T>(act: (attempt: Try) => Promise<T>, signal?: AbortSignal) => Promise<T>;

function patiently({ clock, random, onTransient, signal: always }: RetryTools): Retry {
  return async (act, signal) => {
    const end = either(always, signal);
    const ending = end === undefined ? {} : { signal: end };
    for (let before = 0; ; before++) {
      end?.throwIfAborted();
      try {
        return await act({ ending, before });
      } catch (error) {
        if (!isTransient(error)) throw error;
        onTransient?.(error);
      }
      await clock.sleep(backoffMs(before, random()), end);
    }
  };
}

/** Most calls bring the signal that is watched anyway, or none. */
function either(always: AbortSignal | undefined, own: AbortSignal | undefined): AbortSignal | undefined {
  if (own === undefined || own === always) return always;
  return always === undefined ? own : AbortSignal.any([always, own]);
}

/** The cloud's ports as its docstring says; the cloud itself stays the caller's to close. */
export function retryingCloud(cloud: Cloud, patience: RetryTools): Cloud {
  const wait = patiently(patience);
  const stores = new Map<Store, Store>();
  const patient = (store: Store): Store => {
    const known = stores.get(store) ?? retryingStore(store, wait);
    stores.set(store, known);
    return known;
  };
  return {
    kind: cloud.kind,
    cluster: cloud.cluster,
    input: patient(cloud.input),
    output: patient(cloud.output),
    queues: retryingQueues(cloud.queues, wait),
    bucket: (name) => patient(cloud.bucket(name)),
    close: () => cloud.close(),
  };
}

function retryingStore(store: Store, wait: Retry): Store {
  return {
    bucket: store.bucket,
    head: (key, signal) => wait(({ ending }) => store.head(key, ending.signal), signal),
    get: (key, options) => wait(({ ending }) => store.get(key, { ...options, ...ending }), options?.signal),
    getStream: (key, options) =>
      wait(({ ending }) => store.getStream(key, { ...options, ...ending }), options?.signal),
    put: (key, body, options) =>
      wait(
        ({ ending, before }) => putAgain(store, key, body, { ...options, ...ending }, before),
        options?.signal,
      ),
    refresh: (key, signal) => wait(({ ending }) => store.refresh(key, ending.signal), signal),
    delete: (keys, signal) => wait(({ ending }) => store.delete(keys, ending.signal), signal),
    list: (prefix, { startAfter, signal } = {}) =>
      pages(
        wait,
        signal,
        ({ key }) => key,
        (ending, after = startAfter) =>
          store.list(prefix, { ...ending, ...(after !== undefined && { startAfter: after }) }),
      ),
    listFolders: (prefix, signal) =>
      pages(
        wait,
        signal,
        (folder) => folder,
        (ending, after) => laterThan(after, store.listFolders(prefix, ending.signal)),
      ),
  };
}

/** What refuses a put may be the same put, tried before, whose answer was lost. */
async function putAgain(
  store: Store,
  key: string,
  body: Body,
  options: PutOptions,
  triesBefore: number,
): Promise<ObjectInfo> {
  try {
    return await store.put(key, body, options);
  } catch (error) {
    const mayBeOurs = triesBefore > 0 && body instanceof Uint8Array;
    if (!mayBeOurs || !(error instanceof PreconditionFailedError)) throw error;
    const found = await whatIsThere(store, key, options.signal);
    if (found === undefined || Buffer.compare(found.body, body) !== 0) throw error;
    return found.info;
  }
}

async function whatIsThere(store: Store, key: string, signal: AbortSignal | undefined) {
  try {
    return await store.get(key, signal && { signal });
  } catch (error) {
    if (error instanceof ObjectMissingError) return undefined;
    throw error;
  }
}

/** The items of a listing that goes on after the last one given whenever it breaks off. */
async function* pages<T>(
  wait: Retry,
  signal: AbortSignal | undefined,
  placeOf: (item: T) => string,
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
    for (let found = await wait(next, signal); found.done !== true; found = await wait(next, signal)) {
      last = placeOf(found.value);
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

function retryingQueues(queues: QueueService, wait: Retry): QueueService {
  return {
    open: (name) => retryingQueue(queues.open(name), wait),
    create: async (name, settings) => retryingQueue(await wait(() => queues.create(name, settings)), wait),
    remove: (name, signal) => wait(({ ending }) => queues.remove(name, ending.signal), signal),
    list(prefix) {
      const given = new Set<string>();
      const open = () => othersThan(given, queues.list(prefix));
      return pages(wait, undefined, ({ name }) => name, open);
    },
  };
}

/** Queues come in no order, so that a listing that begins anew has to know what was given. */
async function* othersThan(
  given: Set<string>,
  queues: AsyncIterable<ListedQueue>,
): AsyncGenerator<ListedQueue> {
  for await (const queue of queues) {
    if (given.has(queue.name)) continue;
    given.add(queue.name);
    yield queue;
  }
}

function retryingQueue(queue: Queue, wait: Retry): Queue {
  return {
    name: queue.name,
    async send(messages, signal) {
      for (let at = 0; at < messages.length; at += SENT_AT_ONCE) {
        const some = messages.slice(at, at + SENT_AT_ONCE);
        await wait(({ ending }) => queue.send(some, ending.signal), signal);
      }
    },
    async receive(options) {
      try {
        return await wait(({ ending }) => queue.receive({ ...options, ...ending }), options.signal);
      } catch (error) {
        // As a queue has it: nothing came before its caller gave up.
        if (options.signal?.aborted) return [];
        throw error;
      }
    },
    extend: (receipts, leaseMs) => wait(() => queue.extend(receipts, leaseMs)),
    delete: (receipts) => wait(() => queue.delete(receipts)),
    depth: (signal) => wait(({ ending }) => queue.depth(ending.signal), signal),
  };
}

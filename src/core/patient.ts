/**
 * The ports, for those who wait: faults of the world are waited out with growing, jittered pauses, for as long as the
 * signal lets them. What was tried twice may have happened twice, so a message may be sent again, and a conditional put
 * that finds exactly its own bytes counts as done.
 */
import { backoffMs } from './backoff.ts';
import type { Clock } from './clock.ts';
import { isTransient, PreconditionFailedError } from './errors.ts';
import type { Body, Cloud, ObjectInfo, PutOptions, Queue, QueueService, Store } from './ports.ts';

export interface Patience {
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

type Patiently = <T>(act: (tries: number) => Promise<T>, signal?: AbortSignal) => Promise<T>;

function patiently({ clock, random, onTransient, signal: always }: Patience): Patiently {
  return async (act, signal) => {
    const end = either(always, signal);
    for (let tries = 0; ; tries++) {
      end?.throwIfAborted();
      try {
        return await act(tries);
      } catch (error) {
        if (!isTransient(error)) throw error;
        onTransient?.(error);
      }
      await clock.sleep(backoffMs(tries, random()), end);
    }
  };
}

/** Most calls bring the signal that is watched anyway, or none. */
function either(always: AbortSignal | undefined, own: AbortSignal | undefined): AbortSignal | undefined {
  if (own === undefined || own === always) return always;
  return always === undefined ? own : AbortSignal.any([always, own]);
}

/** The cloud's ports as its docstring says; the cloud itself stays the caller's to close. */
export function patientCloud(cloud: Cloud, patience: Patience): Cloud {
  const wait = patiently(patience);
  const stores = new Map<Store, Store>();
  const patient = (store: Store): Store => {
    const known = stores.get(store) ?? patientStore(store, wait);
    stores.set(store, known);
    return known;
  };
  return {
    kind: cloud.kind,
    cluster: cloud.cluster,
    input: patient(cloud.input),
    output: patient(cloud.output),
    queues: patientQueues(cloud.queues, wait),
    bucket: (name) => patient(cloud.bucket(name)),
    close: () => cloud.close(),
  };
}

function patientStore(store: Store, wait: Patiently): Store {
  return {
    bucket: store.bucket,
    head: (key, signal) => wait(() => store.head(key, signal), signal),
    get: (key, options) => wait(() => store.get(key, options), options?.signal),
    getStream: (key, options) => wait(() => store.getStream(key, options), options?.signal),
    put: (key, body, options) =>
      wait((tries) => putAgain(store, key, body, { options, tries }), options?.signal),
    refresh: (key, signal) => wait(() => store.refresh(key, signal), signal),
    delete: (keys, signal) => wait(() => store.delete(keys, signal), signal),
    list: (prefix, { startAfter, signal } = {}) =>
      pages(
        wait,
        signal,
        ({ key }) => key,
        (after = startAfter) =>
          store.list(prefix, {
            ...(after !== undefined && { startAfter: after }),
            ...(signal && { signal }),
          }),
      ),
    listFolders: (prefix, signal) =>
      pages(
        wait,
        signal,
        (folder) => folder,
        (after) => laterThan(after, store.listFolders(prefix, signal)),
      ),
  };
}

async function putAgain(
  store: Store,
  key: string,
  body: Body,
  { options, tries }: { options: PutOptions | undefined; tries: number },
): Promise<ObjectInfo> {
  try {
    return await store.put(key, body, options);
  } catch (error) {
    if (!(error instanceof PreconditionFailedError) || tries === 0 || !(body instanceof Uint8Array))
      throw error;
    const { info, body: found } = await store.get(key, options?.signal && { signal: options.signal });
    if (Buffer.compare(found, body) !== 0) throw error;
    return info;
  }
}

/** The items of a listing that goes on after the last one given whenever it breaks off. */
async function* pages<T>(
  wait: Patiently,
  signal: AbortSignal | undefined,
  placeOf: (item: T) => string,
  open: (after?: string) => AsyncIterable<T>,
): AsyncGenerator<T> {
  let last: string | undefined;
  let items: AsyncIterator<T> | undefined;
  const next = async () => {
    try {
      items ??= open(last)[Symbol.asyncIterator]();
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

function patientQueues(queues: QueueService, wait: Patiently): QueueService {
  return {
    open: (name) => patientQueue(queues.open(name), wait),
    create: async (name, settings) => patientQueue(await wait(() => queues.create(name, settings)), wait),
    remove: (name) => wait(() => queues.remove(name)),
    // In no order, so that nothing tells where it broke off.
    list: (prefix) => queues.list(prefix),
  };
}

function patientQueue(queue: Queue, wait: Patiently): Queue {
  return {
    name: queue.name,
    async send(messages, signal) {
      for (let at = 0; at < messages.length; at += SENT_AT_ONCE) {
        const some = messages.slice(at, at + SENT_AT_ONCE);
        await wait(() => queue.send(some, signal), signal);
      }
    },
    receive: (options) => wait(() => queue.receive(options), options.signal),
    extend: (receipts, leaseMs) => wait(() => queue.extend(receipts, leaseMs)),
    delete: (receipts) => wait(() => queue.delete(receipts)),
    depth: (signal) => wait(() => queue.depth(signal), signal),
  };
}

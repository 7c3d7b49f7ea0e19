/**
 * The ports as the worst of days has them: calls that fail before or after they did their work, throttling, delays,
 * messages twice and in disorder, bodies and listings that break off, counts that are wrong. All that S3 and SQS may do.
 */
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../../src/bench/random.ts';
import type {
  Cloud,
  KnownImages,
  OutgoingMessage,
  Queue,
  QueueService,
  Store,
} from '../../src/core/cloud/ports.ts';
import type { PortFaults } from './plan.ts';

export interface FaultyOptions {
  faults: PortFaults;
  random: Random;
  /** Told the kind of every fault. */
  note(kind: string): void;
  /** An error by which the program knows a fault of the world. */
  transient(message: string): Error;
  /** Ends the process at once. */
  end(): void;
  /** The call after which it ends in any case. */
  endsAfter?: string;
}

/** Faults that nothing has to be tried again for, so that a run ends however many there are. */
const BEARABLE: readonly (keyof PortFaults)[] = ['late', 'reorder', 'miscount'];

export function faultyCloud(cloud: Cloud, options: FaultyOptions): Cloud {
  const trouble = new Trouble(options);
  const stores = new Map<string, Store>();
  const faulty = (store: Store): Store => {
    const known = stores.get(store.bucket) ?? faultyStore(store, trouble);
    stores.set(store.bucket, known);
    return known;
  };
  return {
    kind: cloud.kind,
    cluster: cloud.cluster,
    input: faulty(cloud.input),
    output: faulty(cloud.output),
    bucket: (name) => faulty(cloud.bucket(name)),
    queues: faultyQueues(cloud.queues, trouble),
    known: cloud.known && faultyKnown(cloud.known, trouble),
    processes: cloud.processes,
    close: () => cloud.close(),
  };
}

/** Decides what goes wrong. */
class Trouble {
  readonly #options: FaultyOptions;
  #faults = 0;
  #throttledCalls = 0;

  constructor(options: FaultyOptions) {
    this.#options = options;
  }

  get random(): Random {
    return this.#options.random;
  }

  /** Whether this fault happens now; then it is noted. */
  strikes(kind: keyof PortFaults): boolean {
    const { faults, random, note } = this.#options;
    // Drawn in any case, so that one fault more does not shift all others.
    const isDue = random.next() < faults[kind];
    if (!isDue) return false;
    if (!BEARABLE.includes(kind) && this.#faults++ >= faults.most) return false;
    note(kind);
    return true;
  }

  /**
   * One call, with what may go wrong around it.
   * @param discard lets go of an answer that gets lost.
   */
  async around<T>(what: string, act: () => Promise<T>, discard?: (answer: T) => void): Promise<T> {
    const { faults, end, endsAfter, note } = this.#options;
    if (this.strikes('late')) await sleep(this.random.next() * faults.delayMs);
    if (this.strikes('throttled')) this.#throttledCalls = 2 + this.random.below(4);
    if (this.#throttledCalls > 0) {
      this.#throttledCalls--;
      throw this.transient(what, 'please reduce your request rate');
    }
    if (this.strikes('before')) throw this.transient(what, 'the connection was refused');
    const isMortal = this.strikes('killed');
    if (isMortal && this.random.next() < 0.5) end();
    const answer = await act();
    if (what === endsAfter) note('killed');
    if (isMortal || what === endsAfter) end();
    if (!this.strikes('after')) return answer;
    discard?.(answer);
    throw this.transient(what, 'the connection broke before the answer came');
  }

  transient(what: string, why: string): Error {
    return this.#options.transient(`Could not ${what}: ${why}.`);
  }
}

const faultyKnown = (known: KnownImages, trouble: Trouble): KnownImages => ({
  hasAny: (...args) => trouble.around('look for known images', () => known.hasAny(...args)),
  find: (...args) => trouble.around('find known images', () => known.find(...args)),
});

function faultyStore(store: Store, trouble: Trouble): Store {
  const { bucket } = store;
  const around = <T>(verb: string, act: () => Promise<T>, discard?: (answer: T) => void) =>
    trouble.around(`${verb} bucket ${bucket}`, act, discard);
  return {
    bucket,
    head: (...args) => around('look into', () => store.head(...args)),
    get: (...args) => around('read from', () => store.get(...args)),
    async getStream(...args) {
      const found = await around(
        'read from',
        () => store.getStream(...args),
        ({ body }) => body.on('error', () => {}).destroy(),
      );
      return trouble.strikes('cut') ? { ...found, body: cutOff(found.body) } : found;
    },
    fileOf: async (...args) => await store.fileOf?.(...args),
    put: (...args) => around('write to', () => store.put(...args)),
    refresh: (...args) => around('refresh in', () => store.refresh(...args)),
    delete: (...args) => around('delete from', () => store.delete(...args)),
    list: (...args) => cutListing(trouble, () => store.list(...args)),
    listFolders: (...args) => cutListing(trouble, () => store.listFolders(...args)),
  };
}

/** The first half of every piece until the connection breaks, at the first. */
function cutOff(body: Readable): Readable {
  async function* half(): AsyncGenerator<Uint8Array> {
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      yield chunk.subarray(0, chunk.byteLength >> 1);
      throw new Error('read ECONNRESET');
    }
  }
  return Readable.from(half(), { objectMode: false });
}

async function* cutListing<T>(trouble: Trouble, open: () => AsyncIterable<T>): AsyncGenerator<T> {
  await trouble.around('list', async () => {});
  const left = trouble.strikes('cut') ? trouble.random.below(20) : Number.POSITIVE_INFINITY;
  let listed = 0;
  for await (const item of open()) {
    if (listed++ >= left) throw trouble.transient('list', 'the connection broke');
    yield item;
  }
}

function faultyQueues(queues: QueueService, trouble: Trouble): QueueService {
  return {
    open: (name) => faultyQueue(queues.open(name), trouble),
    create: async (name, settings) =>
      faultyQueue(await trouble.around(`create queue ${name}`, () => queues.create(name, settings)), trouble),
    remove: (name) => trouble.around(`remove queue ${name}`, () => queues.remove(name)),
    list: (prefix) => cutListing(trouble, () => queues.list(prefix)),
  };
}

function faultyQueue(queue: Queue, trouble: Trouble): Queue {
  const kind = /[^-]+$/.exec(queue.name.replace(/-resp-.*/, '-response'))?.[0];
  const around = <T>(verb: string, act: () => Promise<T>) => trouble.around(`${verb} ${kind} queue`, act);
  return {
    name: queue.name,
    send: (messages, signal) => around('send to', () => queue.send(disordered(messages, trouble), signal)),
    async receive(options) {
      const received = await around('receive from', () => queue.receive(options));
      for (const { body, groupId } of received) {
        if (!trouble.strikes('duplicate')) continue;
        await queue.send([{ body, ...(groupId !== undefined && { groupId }) }]);
      }
      return trouble.strikes('reorder') ? shuffled(received, trouble.random) : received;
    },
    extend: (...args) => around('extend leases of', () => queue.extend(...args)),
    delete: (...args) => around('delete from', () => queue.delete(...args)),
    async depth(signal) {
      const depth = await around('count', () => queue.depth(signal));
      if (!trouble.strikes('miscount')) return depth;
      const wrong = (count: number) => Math.round(3 * trouble.random.next() * count);
      return {
        waiting: wrong(depth.waiting),
        inFlight: wrong(depth.inFlight),
        delayed: wrong(depth.delayed),
      };
    },
  };
}

/** Some twice, some late, in another order. */
function disordered(messages: readonly OutgoingMessage[], trouble: Trouble): OutgoingMessage[] {
  const sent = messages.flatMap((message) => (trouble.strikes('duplicate') ? [message, message] : [message]));
  if (!trouble.strikes('reorder')) return sent;
  const late = (message: OutgoingMessage) =>
    trouble.random.next() < 0.3 ? { ...message, delayMs: 1000 * trouble.random.below(3) } : message;
  return shuffled(sent, trouble.random).map(late);
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const left = [...items];
  return items.flatMap(() => left.splice(random.below(left.length), 1));
}

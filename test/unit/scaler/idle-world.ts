import type { Cloud, ObjectInfo, PutOptions, Queue, Store } from '../../../src/core/cloud/ports.ts';
import {
  ImgclsError,
  ObjectMissingError,
  PreconditionFailedError,
} from '../../../src/core/runtime/errors.ts';
import type { FleetDriver, FleetMember } from '../../../src/scaler/fleet.ts';
import type { SteppingClock } from '../worker/stepping-clock.ts';

/** A fault of a call: it failed before it took effect, or its answer was lost afterwards. */
export type Fault = 'before' | 'after' | undefined;

/** A bucket in memory that counts requests by their price; `faultOf` decides the fault of each put. */
export class CountingStore {
  puts = 0;
  lists = 0;
  gets = 0;
  readonly #clock: SteppingClock;
  readonly #objects = new Map<string, { info: ObjectInfo; body: Uint8Array }>();
  #writes = 0;

  constructor(clock: SteppingClock) {
    this.#clock = clock;
  }

  /** As one process sees it. */
  open(faultOf: (key: string) => Fault = () => undefined): Store {
    const missing = (key: string) => new ObjectMissingError('memory', key);
    const store: Pick<Store, 'bucket' | 'head' | 'get' | 'put' | 'delete' | 'list'> = {
      bucket: 'memory',
      head: async (key) => {
        this.gets++;
        return this.#objects.get(key)?.info;
      },
      get: async (key) => {
        this.gets++;
        const found = this.#objects.get(key);
        if (found === undefined) throw missing(key);
        return found;
      },
      put: async (key, body, options = {}) => {
        this.puts++;
        const fault = faultOf(key);
        if (fault === 'before') throw new ImgclsError('transient', 'No network.');
        const info = this.#write(key, body as Uint8Array, options);
        if (fault === 'after') throw new ImgclsError('transient', 'The answer was lost.');
        return info;
      },
      delete: async (keys) => {
        for (const key of keys) this.#objects.delete(key);
      },
      list: (prefix) => this.#list(prefix),
    };
    return store as Store;
  }

  #write(key: string, body: Uint8Array, { only }: PutOptions): ObjectInfo {
    const there = this.#objects.get(key)?.info.etag;
    const wanted = only === 'absent' ? undefined : only?.etag;
    if (only !== undefined && there !== wanted) throw new PreconditionFailedError('memory', key);
    const etag = String(++this.#writes);
    const info: ObjectInfo = { etag, bytes: body.byteLength, modifiedAtMs: this.#clock.nowMs() };
    this.#objects.set(key, { info, body });
    return info;
  }

  async *#list(prefix: string) {
    this.lists++;
    for (const [key, { info }] of this.#objects) if (key.startsWith(prefix)) yield { ...info, key };
  }
}

/** As in EC2's listings at times, a machine is listed this late for all but the controller that launched it. */
const LISTED_AFTER_MS = 8000;

/** The machines of a cluster, of all its controllers. */
export class ListedFleet {
  readonly launches: { id: string; holder: string; atMs: number }[] = [];
  readonly #clock: SteppingClock;

  constructor(clock: SteppingClock) {
    this.#clock = clock;
  }

  /** As one controller drives it. */
  open(holder: string): FleetDriver {
    return {
      members: async () => this.#listedFor(holder),
      launch: async ({ decision }) => {
        this.launches.push({ id: decision, holder, atMs: this.#clock.nowMs() });
        return { started: [decision] };
      },
      retire: async () => {},
      terminate: async () => {},
      hourlyUsd: async () => 0.1,
    };
  }

  #listedFor(controller: string): FleetMember[] {
    const nowMs = this.#clock.nowMs();
    return this.launches
      .filter(({ holder, atMs }) => holder === controller || nowMs - atMs >= LISTED_AFTER_MS)
      .map(({ id, atMs }) => ({ id, state: 'running', launchedAtMs: atMs }));
  }
}

/** The cloud of an idle cluster. It counts the requests to the queues too. */
export class IdleCloud {
  readonly clock: SteppingClock;
  readonly store: CountingStore;
  /** In the request queue. */
  waiting = 0;
  queueRequests = 0;

  constructor(clock: SteppingClock, store: CountingStore) {
    this.clock = clock;
    this.store = store;
  }

  open(output: Store): Cloud {
    const open = (name: string) => this.queue(name);
    const queues = { open, list: async function* () {} };
    return { kind: 'aws', cluster: 'test', output, queues } as unknown as Cloud;
  }

  queue(name: string): Queue {
    const queue: Pick<Queue, 'name' | 'depth' | 'receive'> = {
      name,
      depth: async () => {
        this.queueRequests++;
        const waiting = name.endsWith('request') ? this.waiting : 0;
        return { waiting, inFlight: 0, delayed: 0 };
      },
      receive: async ({ waitMs }) => {
        this.queueRequests++;
        await this.clock.sleep(waitMs);
        return [];
      },
    };
    return queue as Queue;
  }
}

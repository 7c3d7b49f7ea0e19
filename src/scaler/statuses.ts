import { Readable } from 'node:stream';
import type { ListedObject, Store } from '../core/cloud/ports.ts';
import { findReadable, readObject } from '../core/cloud/read-object.ts';
import { MAX_STATUS_BYTES, outlivesWorker, type WorkerStatus, workerStatus } from '../core/fleet/fleet.ts';
import { FLEET_PREFIX, workerStatusKey } from '../core/job/keys.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { isUnreadable, ObjectMissingError } from '../core/runtime/errors.ts';
import { parseVersioned } from '../core/runtime/versioned.ts';

/**
 * Statuses read in one look: all of a fleet of that size. In one of 10,000 each is read about every minute, and a look takes a
 * second instead of minutes.
 */
const READS_PER_LOOK = 1000;
/** In the first look, which should know most of a fleet before it acts: with all that it does it takes less than 5 s. */
const FIRST_READS = 3000;
/** Objects that a look reads at once. Three thousand take 1.2 s where one takes 25 ms. */
export const READS_AT_ONCE = 64;
/** Statuses that are kept, in bytes as stored: some 50,000 usual ones. Forged ones must not fill the memory. */
const MAX_KEPT_BYTES = 64 * 1024 * 1024;
/** The status of a worker that boots or stops is read this many times as often as others: it will soon say something else. */
const MATTERS = 4;

/**
 * A worker's status. That the worker lives is known from the listing, for every worker in every look; what it does is known
 * from the last status that was read.
 */
export interface WorkerObservation {
  /** Undefined if none was read, or if this version cannot read it because a newer imgcls wrote it. */
  status: WorkerStatus | undefined;
  /** Since the listing showed a new version of the status, read or not, by our own monotonic clock. */
  silentForMs: number;
  modifiedAtMs: number;
  /** This look has read it. */
  isNew: boolean;
  /** This look was the first to read it, of a worker that was there before the first look: what it reports is no news. */
  isFound?: true;
  /** How long a newer version has been there that was not read; absent if `status` is the newest. */
  unreadForMs?: number;
}

/** A worker that lives and of which nothing else is known: no conclusion may be drawn from that. */
export const isUnread = (worker: WorkerObservation | undefined): boolean =>
  worker !== undefined && worker.status === undefined && worker.unreadForMs !== undefined;

interface KnownStatus {
  listed: ListedObject;
  /** When a listing showed this version first. */
  sinceMs: number;
  /** The first look has listed the worker. */
  wasThere: boolean;
  /** The version that was read last. */
  read?: { bytes: number; status: WorkerStatus | undefined; isForeign: boolean; atMs: number };
  /** When a listing first showed a version after the one that was read. */
  unreadSinceMs: number | undefined;
}

/**
 * Lists the workers, and reads the statuses that have changed: those that were never read first, then those that waited
 * longest, as many as a look may read.
 */
export class WorkerStatusReader {
  readonly #output: Store;
  readonly #clock: Clock;
  #known: ReadonlyMap<string, KnownStatus> = new Map();
  #isFirstLook = true;

  constructor(output: Store, clock: Clock) {
    this.#output = output;
    this.#clock = clock;
  }

  /** By worker id. @throws {ImgclsError} when they cannot be read. */
  async read(): Promise<Map<string, WorkerObservation>> {
    const nowMs = this.#clock.monotonicMs();
    this.#known = await this.#list(nowMs);
    const due = mostUrgent(
      [...this.#known.values()],
      nowMs,
      this.#isFirstLook ? FIRST_READS : READS_PER_LOOK,
    );
    const found = new Set(due.filter(({ read, wasThere }) => read === undefined && wasThere));
    const read = await Readable.from(due)
      .map((known: KnownStatus) => this.#read(known, nowMs), { concurrency: READS_AT_ONCE })
      .toArray();
    this.#isFirstLook = false;
    const fresh = new Set<KnownStatus>(read);
    return new Map(
      [...this.#known]
        .filter(([, { read }]) => read?.isForeign !== true)
        .map(([id, known]) => [
          id,
          observe(known, nowMs, { isNew: fresh.has(known), isFound: found.has(known) }),
        ]),
    );
  }

  async #list(nowMs: number): Promise<Map<string, KnownStatus>> {
    const known = new Map<string, KnownStatus>();
    for await (const listed of this.#output.list(FLEET_PREFIX)) {
      if (listed.bytes > MAX_STATUS_BYTES) continue;
      const id = listed.key.slice(FLEET_PREFIX.length).replace(/\.json$/, '');
      const before = this.#known.get(id);
      const isSame = before?.listed.etag === listed.etag;
      known.set(
        id,
        isSame
          ? { ...before, listed }
          : {
              wasThere: this.#isFirstLook,
              ...before,
              listed,
              sinceMs: nowMs,
              unreadSinceMs: before?.unreadSinceMs ?? nowMs,
            },
      );
    }
    return known;
  }

  /** Changes what is known. */
  async #read(known: KnownStatus, nowMs: number): Promise<KnownStatus> {
    const { key, bytes } = known.listed;
    const found = await this.#get(key);
    const isForeign = found === 'foreign';
    known.read = { bytes, status: isForeign ? undefined : found, isForeign, atMs: nowMs };
    known.unreadSinceMs = undefined;
    return known;
  }

  /** `foreign`: the worker ended after the listing, or it is not the object of a worker. */
  async #get(key: string): Promise<WorkerStatus | undefined | 'foreign'> {
    try {
      const { value: status } = await readObject(this.#output, key, parse);
      // A copy of another worker's status is not a status.
      return status !== undefined && workerStatusKey(status.id) === key ? status : undefined;
    } catch (error) {
      if (error instanceof ObjectMissingError || isUnreadable(error)) return 'foreign';
      throw error;
    }
  }
}

/** What a look reads of what has changed. */
function mostUrgent(known: readonly KnownStatus[], nowMs: number, most: number): KnownStatus[] {
  let keptBytes = known.reduce((sum, { read }) => sum + (read?.bytes ?? 0), 0);
  return known
    .filter(({ unreadSinceMs }) => unreadSinceMs !== undefined)
    .toSorted((a, b) => urgency(b, nowMs) - urgency(a, nowMs))
    .filter(({ listed, read }) => {
      const bytes = keptBytes + listed.bytes - (read?.bytes ?? 0);
      if (bytes > MAX_KEPT_BYTES) return false;
      keptBytes = bytes;
      return true;
    })
    .slice(0, most);
}

/** What was never read comes first. Then what waited longest, so that no status is left out for good. */
function urgency({ read }: KnownStatus, nowMs: number): number {
  if (read === undefined) return Number.MAX_SAFE_INTEGER;
  const state = read.status?.state;
  const matters = state !== 'ready' && state !== 'busy';
  return (matters ? MATTERS : 1) * (nowMs - read.atMs);
}

function observe(
  { listed, read, sinceMs, unreadSinceMs }: KnownStatus,
  nowMs: number,
  { isNew, isFound }: { isNew: boolean; isFound: boolean },
): WorkerObservation {
  return {
    status: read?.status,
    silentForMs: nowMs - sinceMs,
    modifiedAtMs: listed.modifiedAtMs,
    isNew,
    ...(isFound && { isFound }),
    ...(unreadSinceMs !== undefined && { unreadForMs: nowMs - unreadSinceMs }),
  };
}

/** Deletes the status of a worker that has ended, unless it has to outlive the worker: then the sweep deletes it. */
export async function deleteEndedStatus(output: Store, id: string): Promise<void> {
  const key = workerStatusKey(id);
  const status = await findReadable(output, key, parse);
  if (status === undefined || !outlivesWorker(status)) await output.delete([key]);
}

function parse(text: string): WorkerStatus | undefined {
  try {
    return parseVersioned(workerStatus, text, 'worker status');
  } catch {
    return undefined;
  }
}

import type { Store } from '../core/cloud/ports.ts';
import { findReadable, readObject } from '../core/cloud/read-object.ts';
import { MAX_STATUS_BYTES, outlivesWorker, type WorkerStatus, workerStatus } from '../core/fleet/fleet.ts';
import { FLEET_PREFIX, workerStatusKey } from '../core/job/keys.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { isUnreadable, ObjectMissingError } from '../core/runtime/errors.ts';
import { parseVersioned } from '../core/runtime/versioned.ts';

/** A worker's status, and for how long it has been unchanged. */
export interface WorkerObservation {
  /** Undefined if this version cannot read it, because a newer imgcls wrote it. */
  status: WorkerStatus | undefined;
  /** Since this version of the status was first seen, by our own monotonic clock. */
  silentForMs: number;
  modifiedAtMs: number;
  /** True the first time that this version is seen. */
  isNew: boolean;
}

interface CachedStatus {
  etag: string;
  status: WorkerStatus | undefined;
  sinceMs: number;
}

/** Reads the workers' statuses. An unchanged status is not downloaded again. */
export class WorkerStatusReader {
  readonly #output: Store;
  readonly #clock: Clock;
  #cache = new Map<string, CachedStatus>();

  constructor(output: Store, clock: Clock) {
    this.#output = output;
    this.#clock = clock;
  }

  /** By worker id. @throws {ImgclsError} when they cannot be read. */
  async read(): Promise<Map<string, WorkerObservation>> {
    const cache = new Map<string, CachedStatus>();
    const observations = new Map<string, WorkerObservation>();
    for await (const { key, etag, bytes, modifiedAtMs } of this.#output.list(FLEET_PREFIX)) {
      if (bytes > MAX_STATUS_BYTES) continue;
      const id = key.slice(FLEET_PREFIX.length).replace(/\.json$/, '');
      const before = this.#cache.get(id);
      const isNew = before?.etag !== etag;
      const entry = isNew ? await this.#get(key, etag) : before;
      if (entry === undefined) continue;
      cache.set(id, entry);
      const silentForMs = this.#clock.monotonicMs() - entry.sinceMs;
      observations.set(id, { status: entry.status, silentForMs, modifiedAtMs, isNew });
    }
    this.#cache = cache;
    return observations;
  }

  async #get(key: string, etag: string) {
    try {
      const { value: status } = await readObject(this.#output, key, parse);
      // A copy of another worker's status is not a status.
      const own = status !== undefined && workerStatusKey(status.id) === key ? status : undefined;
      return { etag, status: own, sinceMs: this.#clock.monotonicMs() };
    } catch (error) {
      // The worker ended after the listing, or it is not the object of a worker.
      if (error instanceof ObjectMissingError || isUnreadable(error)) return undefined;
      throw error;
    }
  }
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

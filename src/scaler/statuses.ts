import type { Store } from '../core/cloud/ports.ts';
import { MAX_STATUS_BYTES, type WorkerStatus, workerStatus } from '../core/fleet/fleet.ts';
import { FLEET_PREFIX } from '../core/job/keys.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { ObjectMissingError } from '../core/runtime/errors.ts';
import { parseVersioned } from '../core/runtime/versioned.ts';

/** A worker's report, and how long it has been what it is. */
export interface WorkerObservation {
  /** Undefined where it cannot be understood: a newer imgcls wrote it. */
  status: WorkerStatus | undefined;
  /** Since this version of the report was first seen, by our own clock: no wall clocks are compared. */
  silentForMs: number;
  modifiedAtMs: number;
  /** True the first time that this version is seen. */
  isNew: boolean;
}

interface Known {
  etag: string;
  status: WorkerStatus | undefined;
  sinceMs: number;
}

/** Reads what workers say about themselves; a report that did not change is not read again. */
export class WorkerStatusReader {
  readonly #output: Store;
  readonly #clock: Clock;
  #known = new Map<string, Known>();

  constructor(output: Store, clock: Clock) {
    this.#output = output;
    this.#clock = clock;
  }

  /** By worker id. @throws {ImgclsError} when they cannot be read. */
  async read(): Promise<Map<string, WorkerObservation>> {
    const known = new Map<string, Known>();
    const heard = new Map<string, WorkerObservation>();
    for await (const { key, etag, bytes, modifiedAtMs } of this.#output.list(FLEET_PREFIX)) {
      if (bytes > MAX_STATUS_BYTES) continue;
      const id = key.slice(FLEET_PREFIX.length).replace(/\.json$/, '');
      const before = this.#known.get(id);
      const isNew = before?.etag !== etag;
      const entry = isNew ? await this.#get(key, etag) : before;
      if (entry === undefined) continue;
      known.set(id, entry);
      const silentForMs = this.#clock.monotonicMs() - entry.sinceMs;
      heard.set(id, { status: entry.status, silentForMs, modifiedAtMs, isNew });
    }
    this.#known = known;
    return heard;
  }

  async #get(key: string, etag: string) {
    try {
      const { body } = await this.#output.get(key);
      return { etag, status: parse(body), sinceMs: this.#clock.monotonicMs() };
    } catch (error) {
      // It ended between the listing and the look.
      if (error instanceof ObjectMissingError) return undefined;
      throw error;
    }
  }
}

function parse(body: Uint8Array): WorkerStatus | undefined {
  try {
    return parseVersioned(workerStatus, new TextDecoder().decode(body), 'worker status');
  } catch {
    return undefined;
  }
}

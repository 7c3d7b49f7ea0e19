import type { Store } from '../core/cloud/ports.ts';
import { findObject } from '../core/cloud/read-object.ts';
import { hasHolderEnded, parseControllerLock } from '../core/fleet/controller-lock.ts';
import { type ControllerLock, ttlMsOf } from '../core/fleet/fleet.ts';
import { CONTROLLER_LOCK_KEY } from '../core/job/keys.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { PoisonError, PreconditionFailedError } from '../core/runtime/errors.ts';
import type { KnownProcesses } from '../core/runtime/located-process.ts';
import { FORMAT } from '../core/runtime/versioned.ts';

interface SeenRecord {
  etag: string;
  record: ControllerLock;
  /** By the store's clock. */
  modifiedAtMs: number;
  /** When this version was first seen, by our own monotonic clock. */
  sinceMs: number;
}

/** Stands for an object that is no lock. */
const DAMAGED: ControllerLock = { v: FORMAT, holder: 'unknown', epoch: 0, renewals: 0 };

export interface LockOptions {
  store: Store;
  holder: string;
  clock: Clock;
  ttlMs: number;
  /** Given where controllers may share a machine. */
  processes?: KnownProcesses | undefined;
}

/**
 * One controller per cluster. No wall clocks are compared. A challenger takes over after the record was unchanged for a
 * whole time to live by its own monotonic clock. A holder stops acting half a time to live after it *sent* its last
 * successful renewal. The record contains the holder's time to live, and a challenger with a shorter one, as of another
 * build, waits for that. On one machine the record names the holder's process, and a challenger takes over at once when
 * that process has ended.
 *
 * A lock that another program has overwritten counts as that of an unknown holder. The last holder replaces it at once if
 * its time to live is not over; a challenger waits as for any holder.
 *
 *     challenging --absent, released, process ended, or unchanged for a TTL--> held --release()--> challenging
 *     held --another holder's version found--> challenging
 */
export class LockKeeper {
  readonly #store: Store;
  readonly #holder: string;
  readonly #clock: Clock;
  readonly #ttlMs: number;
  readonly #processes: LockOptions['processes'];
  #seen: SeenRecord | undefined;
  #held: { etag: string; record: ControllerLock; sentMs: number } | undefined;
  /** Of all versions so far. */
  #highestEpoch = 0;
  #isInherited = false;

  constructor(options: LockOptions) {
    this.#store = options.store;
    this.#holder = options.holder;
    this.#clock = options.clock;
    this.#ttlMs = options.ttlMs;
    this.#processes = options.processes;
  }

  /** The epoch while this controller holds the lock and may act, else undefined. */
  get epoch(): number | undefined {
    if (this.#held === undefined) return undefined;
    const isFresh = this.#clock.monotonicMs() - this.#held.sentMs < this.#ttlMs / 2;
    return isFresh ? this.#held.record.epoch : undefined;
  }

  /** Taken from a holder that may be alive and has not released it: its last actions may not be visible yet. */
  get isInherited(): boolean {
    return this.#isInherited;
  }

  /** The last holder seen: this controller or another. */
  get holder(): string | undefined {
    return this.#held?.record.holder ?? this.#seen?.record.holder;
  }

  /**
   * By the wall clock, the last holder seen has not renewed the lock for so long that it no longer acts. Clocks may differ:
   * only the wait for a lock may depend on this.
   */
  get isLate(): boolean {
    if (this.#seen === undefined) return false;
    const { record, modifiedAtMs } = this.#seen;
    return this.#clock.nowMs() - modifiedAtMs > ttlMsOf(record, this.#ttlMs) / 2;
  }

  /** Renews the lock if it is held, else tries to acquire it. To be called several times in half a time to live. */
  async keep(): Promise<void> {
    const wasActing = this.epoch !== undefined;
    if (this.#held !== undefined) {
      const { record, etag } = this.#held;
      if (await this.#write({ ...record, renewals: record.renewals + 1 }, { etag })) return;
      // The record is another holder's, or ours from a write whose answer was lost. Read it now, not at the next call.
    }
    const seen = await this.#read();
    if (seen === undefined) {
      await this.#write(this.#newRecord(), 'absent');
      return;
    }
    if (seen.record === DAMAGED && wasActing) {
      await this.#write(this.#newRecord(), { etag: seen.etag });
      return;
    }
    if (seen.record.holder === this.#holder) {
      // The answer to one of our writes was lost. Without this the cluster would have no controller until the lock expires.
      await this.#write({ ...seen.record, renewals: seen.record.renewals + 1 }, { etag: seen.etag });
      return;
    }
    const isFree =
      seen.record.holder === undefined || hasHolderEnded({ processes: this.#processes }, seen.record);
    const isExpired = this.#clock.monotonicMs() - seen.sinceMs >= ttlMsOf(seen.record, this.#ttlMs);
    if (!isFree && !isExpired) return;
    this.#isInherited = !isFree;
    if (seen.record === DAMAGED) this.#highestEpoch = Math.max(this.#highestEpoch, this.#lostEpoch);
    await this.#write(this.#newRecord(), { etag: seen.etag });
  }

  #newRecord(): ControllerLock {
    const process = this.#processes?.own;
    return {
      v: FORMAT,
      holder: this.#holder,
      epoch: this.#highestEpoch + 1,
      renewals: 0,
      ttlMs: this.#ttlMs,
      ...(process && { process }),
    };
  }

  /** The next controller can acquire the lock at once. */
  async release(): Promise<void> {
    if (this.#held === undefined) return;
    const { etag, record } = this.#held;
    const { holder: _holder, process: _process, ...rest } = record;
    await this.#write({ ...rest, renewals: record.renewals + 1 }, { etag });
    this.#held = undefined;
  }

  async #read(): Promise<SeenRecord | undefined> {
    const found = await findObject(this.#store, CONTROLLER_LOCK_KEY, lockOrDamaged);
    if (found === undefined) {
      this.#seen = undefined;
    } else if (this.#seen?.etag !== found.info.etag) {
      const { info, value: record } = found;
      const { etag, modifiedAtMs } = info;
      this.#seen = { etag, record, modifiedAtMs, sinceMs: this.#clock.monotonicMs() };
      this.#highestEpoch = Math.max(this.#highestEpoch, record.epoch);
    }
    return this.#seen;
  }

  /** Drivers identify launches by epoch, so none may be used again. No epoch of a damaged lock exceeds the seconds since 1970. */
  get #lostEpoch(): number {
    return Math.floor(this.#clock.nowMs() / 1000);
  }

  /** @returns false if another version was found. */
  async #write(record: ControllerLock, only: 'absent' | { etag: string }): Promise<boolean> {
    const sentMs = this.#clock.monotonicMs();
    try {
      const { etag } = await this.#store.put(CONTROLLER_LOCK_KEY, Buffer.from(JSON.stringify(record)), {
        only,
      });
      this.#held = { etag, record, sentMs };
      this.#highestEpoch = record.epoch;
      return true;
    } catch (error) {
      if (!(error instanceof PreconditionFailedError)) throw error;
      this.#held = undefined;
      return false;
    }
  }
}

function lockOrDamaged(text: string): ControllerLock {
  try {
    return parseControllerLock(text);
  } catch (error) {
    if (error instanceof PoisonError) return DAMAGED;
    throw error;
  }
}

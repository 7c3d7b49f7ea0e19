import type { Store } from '../core/cloud/ports.ts';
import { readControllerLock } from '../core/fleet/controller-lock.ts';
import { type ControllerLock, type LocatedProcess, ttlMsOf } from '../core/fleet/fleet.ts';
import { CONTROLLER_LOCK_KEY } from '../core/job/keys.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { PreconditionFailedError } from '../core/runtime/errors.ts';
import { FORMAT } from '../core/runtime/versioned.ts';

interface Seen {
  etag: string;
  record: ControllerLock;
  /** When this version was first seen, on our own monotonic clock. */
  sinceMs: number;
}

/** Processes of one machine that name themselves to each other. */
export interface KnownProcesses {
  own: LocatedProcess;
  /** Whether that process is certain to have ended; one of another machine, or that this user cannot see, is not. */
  hasEnded(process: LocatedProcess): boolean;
}

export interface LockOptions {
  store: Store;
  holder: string;
  clock: Clock;
  ttlMs: number;
  /** Where controllers may share a machine. */
  processes?: KnownProcesses;
}

/**
 * One controller a cluster. No wall clocks are compared: a challenger takes over after it has watched one version of
 * the record stay unchanged for a whole time to live on its own monotonic clock, and a holder stops acting half a time
 * to live after it *sent* its last renewal that succeeded. The holder's time to live stands in the record: a challenger
 * whose own is shorter, as another build's may be, waits for that one. On one machine the record names the holder's
 * process, and nobody waits for one that has ended.
 *
 *     challenging --absent, released, process ended, or unchanged for a TTL--> held --release()--> challenging
 *     held --somebody else's version found--> challenging
 */
export class LockKeeper {
  readonly #store: Store;
  readonly #holder: string;
  readonly #clock: Clock;
  readonly #ttlMs: number;
  readonly #processes: LockOptions['processes'];
  #seen: Seen | undefined;
  #held: { etag: string; record: ControllerLock; sentMs: number } | undefined;
  #isInherited = false;

  constructor(options: LockOptions) {
    this.#store = options.store;
    this.#holder = options.holder;
    this.#clock = options.clock;
    this.#ttlMs = options.ttlMs;
    this.#processes = options.processes;
  }

  /** The epoch of our holding while we may act, else undefined. */
  get epoch(): number | undefined {
    if (this.#held === undefined) return undefined;
    const isFresh = this.#clock.monotonicMs() - this.#held.sentMs < this.#ttlMs / 2;
    return isFresh ? this.#held.record.epoch : undefined;
  }

  /** Taken from a holder that may live and has not let go of it: what that one has begun may still come to be seen. */
  get isInherited(): boolean {
    return this.#isInherited;
  }

  /** Who holds the lock, as far as was seen: ourselves or another. */
  get holder(): string | undefined {
    return this.#held?.record.holder ?? this.#seen?.record.holder;
  }

  /** Renews what is held, else tries to get hold of it. To be called several times in half a time to live. */
  async keep(): Promise<void> {
    if (this.#held !== undefined) {
      const { record, etag } = this.#held;
      if (await this.#write({ ...record, renewals: record.renewals + 1 }, { etag })) return;
      // Another's version is there, or one of ours whose answer was lost: the look tells, so that none waits for the next.
    }
    const seen = await this.#look();
    if (seen === undefined) {
      await this.#write(this.#newRecord(1), 'absent');
      return;
    }
    if (seen.record.holder === this.#holder) {
      // A write of ours whose answer was lost. Waiting until it expires would leave the cluster to nobody for so long.
      await this.#write({ ...seen.record, renewals: seen.record.renewals + 1 }, { etag: seen.etag });
      return;
    }
    const isFree = seen.record.holder === undefined || this.#hasEnded(seen.record);
    const isExpired = this.#clock.monotonicMs() - seen.sinceMs >= ttlMsOf(seen.record, this.#ttlMs);
    if (!isFree && !isExpired) return;
    this.#isInherited = !isFree;
    await this.#write(this.#newRecord(seen.record.epoch + 1), { etag: seen.etag });
  }

  #newRecord(epoch: number): ControllerLock {
    const process = this.#processes?.own;
    return {
      v: FORMAT,
      holder: this.#holder,
      epoch,
      renewals: 0,
      ttlMs: this.#ttlMs,
      ...(process && { process }),
    };
  }

  #hasEnded({ process }: ControllerLock): boolean {
    return process !== undefined && this.#processes?.hasEnded(process) === true;
  }

  /** Lets the next controller in at once. */
  async release(): Promise<void> {
    if (this.#held === undefined) return;
    const { etag, record } = this.#held;
    const { holder: _holder, process: _process, ...rest } = record;
    await this.#write({ ...rest, renewals: record.renewals + 1 }, { etag });
    this.#held = undefined;
  }

  async #look(): Promise<Seen | undefined> {
    const found = await readControllerLock(this.#store);
    if (found === undefined) {
      this.#seen = undefined;
    } else if (this.#seen?.etag !== found.info.etag) {
      const { info, record } = found;
      this.#seen = { etag: info.etag, record, sinceMs: this.#clock.monotonicMs() };
    }
    return this.#seen;
  }

  /** @returns false where another version was there. */
  async #write(record: ControllerLock, only: 'absent' | { etag: string }): Promise<boolean> {
    const sentMs = this.#clock.monotonicMs();
    try {
      const { etag } = await this.#store.put(CONTROLLER_LOCK_KEY, Buffer.from(JSON.stringify(record)), {
        only,
      });
      this.#held = { etag, record, sentMs };
      return true;
    } catch (error) {
      if (!(error instanceof PreconditionFailedError)) throw error;
      this.#held = undefined;
      return false;
    }
  }
}

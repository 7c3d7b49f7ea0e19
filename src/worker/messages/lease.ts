import type { Queue } from '../../core/cloud/ports.ts';
import type { Clock } from '../../core/runtime/clock.ts';
import { messageOf } from '../../core/runtime/errors.ts';
import type { Log } from '../../core/runtime/log.ts';

export interface LeaseKeeperOptions {
  queue: Pick<Queue, 'extend'>;
  clock: Clock;
  log: Log;
  /** How long a message stays hidden after its receive and after each extension. */
  leaseMs: number;
}

/** Extensions per lease: two may fail before the lease expires. */
const EXTENSIONS_PER_LEASE = 3;

/** Retries in the time between two extensions. */
const RETRIES_PER_INTERVAL = 4;

/**
 * Keeps messages hidden from other workers from their receive until their release. It extends the leases of all held
 * messages together, three times a lease. When the queue reports a lease as lost, it tells the holder once and stops
 * extending that lease.
 */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  readonly #onLostByReceipt = new Map<string, () => void>();
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #extending: Promise<boolean> | undefined;

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  /** @param onLost called at most once, and never after `release`. */
  hold(receipt: string, onLost: () => void): void {
    this.#onLostByReceipt.set(receipt, onLost);
  }

  /**
   * Stops extending the lease. Waits for an extension that is under way: that one would hide the message again after
   * its caller has made it visible.
   */
  async release(receipt: string): Promise<void> {
    if (!this.#onLostByReceipt.delete(receipt)) return;
    await this.#extending;
  }

  /** Stops all extensions. Leases that are still held expire. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#onLostByReceipt.clear();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, leaseMs } = this.#options;
    const intervalMs = leaseMs / EXTENSIONS_PER_LEASE;
    const { signal } = this.#stop;
    let succeeded = true;
    while (!signal.aborted) {
      await clock.sleep(succeeded ? intervalMs : intervalMs / RETRIES_PER_INTERVAL, signal);
      if (signal.aborted || this.#onLostByReceipt.size === 0) continue;
      this.#extending = this.#extend([...this.#onLostByReceipt.keys()]);
      succeeded = await this.#extending;
      this.#extending = undefined;
    }
  }

  async #extend(receipts: readonly string[]): Promise<boolean> {
    const { queue, leaseMs, log } = this.#options;
    try {
      for (const receipt of await queue.extend(receipts, leaseMs)) {
        const onLost = this.#onLostByReceipt.get(receipt);
        // It was released, and most likely deleted, while the extension was under way.
        if (onLost === undefined) continue;
        this.#onLostByReceipt.delete(receipt);
        onLost();
      }
      return true;
    } catch (error) {
      log.warn({ error: messageOf(error), messages: receipts.length }, 'Failed to extend message leases.');
      return false;
    }
  }
}

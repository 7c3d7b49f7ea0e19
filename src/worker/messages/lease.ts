import type { Queue } from '../../core/cloud/ports.ts';
import type { Clock } from '../../core/runtime/clock.ts';
import { messageOf } from '../../core/runtime/errors.ts';
import type { Log } from '../../core/runtime/log.ts';

export interface LeaseKeeperOptions {
  queue: Pick<Queue, 'extend'>;
  clock: Clock;
  log: Log;
  /** How long a message stays hidden after its receipt and after each extension. */
  leaseMs: number;
}

/** Extensions in the time of one lease: two may fail before it is lost. */
const EXTENSIONS_PER_LEASE = 3;

/** After an extension that failed, the next try comes so much sooner. */
const SOONER = 4;

/**
 * Keeps messages hidden from other workers from their receipt until they are released: all that are held are extended
 * together, three times a lease. A lease that the queue says is lost is told to its holder once and kept no longer.
 */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  readonly #lost = new Map<string, () => void>();
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #extending: Promise<boolean> | undefined;

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  /** @param onLost called at most once, and never after `release`. */
  hold(receipt: string, onLost: () => void): void {
    this.#lost.set(receipt, onLost);
  }

  /**
   * Lets go of the message. An extension that is under way is waited for: it would hide again what its caller is
   * about to give back.
   */
  async release(receipt: string): Promise<void> {
    if (!this.#lost.delete(receipt)) return;
    await this.#extending;
  }

  /** Ends the keeping; leases that are still held run out. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#lost.clear();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, leaseMs } = this.#options;
    const intervalMs = leaseMs / EXTENSIONS_PER_LEASE;
    const { signal } = this.#stop;
    let succeeded = true;
    while (!signal.aborted) {
      await clock.sleep(succeeded ? intervalMs : intervalMs / SOONER, signal);
      if (signal.aborted || this.#lost.size === 0) continue;
      this.#extending = this.#extend([...this.#lost.keys()]);
      succeeded = await this.#extending;
      this.#extending = undefined;
    }
  }

  async #extend(receipts: readonly string[]): Promise<boolean> {
    const { queue, leaseMs, log } = this.#options;
    try {
      for (const receipt of await queue.extend(receipts, leaseMs)) {
        const onLost = this.#lost.get(receipt);
        // Released while the extension was under way: deleted, most likely.
        if (onLost === undefined) continue;
        this.#lost.delete(receipt);
        onLost();
      }
      return true;
    } catch (error) {
      log.warn({ error: messageOf(error), messages: receipts.length }, 'Message leases were not extended.');
      return false;
    }
  }
}

import type { Cloud } from '../core/cloud/ports.ts';
import type { Chore } from '../core/fleet/chore.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { isTransient } from '../core/runtime/errors.ts';
import { drainDeadLetters } from './dead-letters.ts';

const IDLE_MS = 60_000;

export interface IdleDeadLetterDrainOptions {
  cloud: Cloud;
  clock: Clock;
  onTransient?(error: unknown): void;
  signal?: AbortSignal;
}

/**
 * Drains the dead letters for a waiter after a minute without a response, and then every minute. Without a controller, the
 * requests it waits for may be among them.
 */
export class IdleDeadLetterDrain {
  readonly #options: IdleDeadLetterDrainOptions;
  readonly #chore: Chore;
  #sinceMs: number;

  constructor(options: IdleDeadLetterDrainOptions) {
    this.#options = options;
    this.#chore = drainDeadLetters(options.cloud, options.clock);
    this.#sinceMs = options.clock.monotonicMs();
  }

  /** A response has arrived. */
  noteResponse(): void {
    this.#sinceMs = this.#options.clock.monotonicMs();
  }

  /** Drains if no response has arrived for a minute. A waiter without permission to drain just continues to wait. */
  async drainIfIdle(): Promise<void> {
    const { clock, onTransient, signal } = this.#options;
    if (clock.monotonicMs() - this.#sinceMs < IDLE_MS) return;
    try {
      await this.#chore.run(signal ?? new AbortController().signal, () => {});
    } catch (error) {
      if (isTransient(error)) onTransient?.(error);
    }
    this.#sinceMs = clock.monotonicMs();
  }
}

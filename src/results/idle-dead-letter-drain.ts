import type { Cloud } from '../core/cloud/ports.ts';
import type { Chore } from '../core/fleet/chore.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { isTransient } from '../core/runtime/errors.ts';
import { drainDeadLetters } from './dead-letters.ts';

const QUIET_MS = 60_000;

export interface IdleDeadLetterDrainOptions {
  cloud: Cloud;
  clock: Clock;
  onTransient?(error: unknown): void;
  signal?: AbortSignal;
}

/**
 * Lets a waiter drain the dead letters after a minute without a response, and each minute after that: where no
 * controller lives, what it waits for may be among them.
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

  /** A response came. */
  noteResponse(): void {
    this.#sinceMs = this.#options.clock.monotonicMs();
  }

  /** Nothing came. A waiter that may not drain goes on waiting: it is the controller's work in the first place. */
  async drainIfIdle(): Promise<void> {
    const { clock, onTransient, signal } = this.#options;
    if (clock.monotonicMs() - this.#sinceMs < QUIET_MS) return;
    try {
      await this.#chore.run(signal ?? new AbortController().signal, () => {});
    } catch (error) {
      if (isTransient(error)) onTransient?.(error);
    }
    this.#sinceMs = clock.monotonicMs();
  }
}

import { backoffMs } from '../../core/runtime/backoff.ts';
import type { Clock } from '../../core/runtime/clock.ts';
import { messageOf } from '../../core/runtime/errors.ts';
import type { Log } from '../../core/runtime/log.ts';

export interface ReceiveBackoffOptions {
  clock: Clock;
  /** 0 (inclusive) to 1 (exclusive). */
  random: () => number;
  log: Log;
}

const BACKOFF = { baseMs: 500, maxMs: 20_000 };

/** After a transient error: a pause before the next receive, longer after each further error until a message succeeds. */
export class ReceiveBackoff {
  readonly #options: ReceiveBackoffOptions;
  #failures = 0;
  #pauseMs = 0;

  constructor(options: ReceiveBackoffOptions) {
    this.#options = options;
  }

  get isBackingOff(): boolean {
    return this.#failures > 0;
  }

  recordFailure(error: unknown): void {
    const { random, log } = this.#options;
    this.#pauseMs = backoffMs(this.#failures++, random(), BACKOFF);
    log.warn(
      { error: messageOf(error), pauseMs: this.#pauseMs },
      'Transient error; pausing before the next receive.',
    );
  }

  reset(): void {
    this.#failures = 0;
  }

  /** Waits for the pause that is due, if any. */
  async wait(signal: AbortSignal): Promise<void> {
    if (this.#pauseMs > 0) await this.#options.clock.sleep(this.#pauseMs, signal);
    this.#pauseMs = 0;
  }
}

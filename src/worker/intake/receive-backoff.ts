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

const PAUSES = { baseMs: 500, maxMs: 20_000 };

/** While the world is in trouble: a pause before the next receive, longer each time until a message succeeds. */
export class ReceiveBackoff {
  readonly #options: ReceiveBackoffOptions;
  #count = 0;
  #pauseMs = 0;

  constructor(options: ReceiveBackoffOptions) {
    this.#options = options;
  }

  get isThere(): boolean {
    return this.#count > 0;
  }

  note(error: unknown): void {
    const { random, log } = this.#options;
    this.#pauseMs = backoffMs(this.#count++, random(), PAUSES);
    log.warn({ error: messageOf(error), pauseMs: this.#pauseMs }, 'The worker pauses.');
  }

  end(): void {
    this.#count = 0;
  }

  /** The pause that is due, if any. */
  async pause(signal: AbortSignal): Promise<void> {
    if (this.#pauseMs > 0) await this.#options.clock.sleep(this.#pauseMs, signal);
    this.#pauseMs = 0;
  }
}

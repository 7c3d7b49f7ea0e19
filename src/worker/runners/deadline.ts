import type { Clock } from '../../core/runtime/clock.ts';

/**
 * Calls `onMissed` once the time that was set last is over. A runner's deadline moves with every request, and nearly always
 * to a later time: the sleep that is under way goes on then, and what is left is slept after it.
 */
export class Deadline {
  readonly #clock: Clock;
  readonly #onMissed: () => void;
  #atMs = Number.POSITIVE_INFINITY;
  #wakesAtMs = Number.POSITIVE_INFINITY;
  #sleeping = new AbortController();

  constructor(clock: Clock, onMissed: () => void) {
    this.#clock = clock;
    this.#onMissed = onMissed;
  }

  /** So long from now, in place of what was set before. */
  set(inMs: number): void {
    this.#atMs = this.#clock.monotonicMs() + inMs;
    if (this.#atMs >= this.#wakesAtMs) return;
    this.#sleeping.abort();
    void this.#sleep(inMs);
  }

  /** Nothing is due any more, until `set`. */
  lift(): void {
    this.#atMs = Number.POSITIVE_INFINITY;
  }

  /** For good: nothing goes on sleeping. */
  close(): void {
    this.lift();
    this.#sleeping.abort();
  }

  async #sleep(ms: number): Promise<void> {
    this.#sleeping = new AbortController();
    const { signal } = this.#sleeping;
    this.#wakesAtMs = this.#clock.monotonicMs() + ms;
    await this.#clock.sleep(ms, signal);
    if (signal.aborted) return;
    this.#wakesAtMs = Number.POSITIVE_INFINITY;
    const leftMs = this.#atMs - this.#clock.monotonicMs();
    if (leftMs <= 0) this.#onMissed();
    else if (leftMs < Number.POSITIVE_INFINITY) void this.#sleep(leftMs);
  }
}

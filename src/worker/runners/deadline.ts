import type { Clock } from '../../core/runtime/clock.ts';

/**
 * Calls `onMissed` when the deadline that was set last has passed. A runner's deadline moves with every request, nearly
 * always to a later time. Then the current sleep goes on, and another one for the rest follows it.
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

  /** Replaces the deadline. */
  set(inMs: number): void {
    this.#atMs = this.#clock.monotonicMs() + inMs;
    if (this.#atMs >= this.#wakesAtMs) return;
    this.#sleeping.abort();
    void this.#sleep(inMs);
  }

  /** Replaces the deadline, unless it is sooner. */
  bringForward(inMs: number): void {
    if (this.#clock.monotonicMs() + inMs < this.#atMs) this.set(inMs);
  }

  /** Removes the deadline, until `set`. */
  clear(): void {
    this.#atMs = Number.POSITIVE_INFINITY;
  }

  /** Removes the deadline and ends the sleep. */
  close(): void {
    this.clear();
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

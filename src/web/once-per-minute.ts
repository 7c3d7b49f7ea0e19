import type { Clock } from '../core/runtime/clock.ts';

const MINUTE_MS = 60_000;
/** Keys that a minute remembers. Further ones are not the first, so a flood of new keys stays bounded as well. */
const MAX_KEYS = 1000;

/** Tells what happens for the first time in a minute. */
export class OncePerMinute {
  readonly #clock: Clock;
  readonly #seen = new Set<string>();
  #sinceMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  isFirst(key: string): boolean {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#sinceMs >= MINUTE_MS) {
      this.#seen.clear();
      this.#sinceMs = nowMs;
    }
    if (this.#seen.has(key) || this.#seen.size >= MAX_KEYS) return false;
    this.#seen.add(key);
    return true;
  }
}

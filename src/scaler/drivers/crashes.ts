import { backoffMs } from '../../core/runtime/backoff.ts';
import type { Clock } from '../../core/runtime/clock.ts';

/** After so many tries in a row that ended with an error, something is wrong that a restart cannot mend. */
const MAX_CRASHES = 3;
const PAUSE = { baseMs: 2000 };

export interface Crash {
  id: string;
  /** "code 1", "signal SIGSEGV". */
  how: string;
  /** By the monotonic clock, as `endedMs`. */
  launchedMs: number;
  endedMs: number;
  /** It had lived long enough, or become ready: starting workers works as such. */
  wasSound: boolean;
}

export interface HeldBack {
  last: Crash;
  /** A restart cannot mend it. */
  isHopeless: boolean;
  why: string;
}

/**
 * Whether another worker may be started, after some that ended by themselves with an error. What was launched
 * together and ends together is one failed try, not several.
 */
export class Crashes {
  readonly #clock: Clock;
  readonly #random: () => number;
  #inARow = 0;
  #last: Crash | undefined;
  #lastMs = Number.NEGATIVE_INFINITY;
  #notBeforeMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, random: () => number) {
    this.#clock = clock;
    this.#random = random;
  }

  /** A worker that was launched then became ready, or ended well: one launched after the last crash ends the row. */
  succeeded(launchedMs: number): void {
    if (launchedMs < this.#lastMs) return;
    this.#inARow = 0;
    this.#notBeforeMs = Number.NEGATIVE_INFINITY;
  }

  failed(crash: Crash): void {
    const isSameTry = this.#inARow > 0 && crash.launchedMs < this.#lastMs;
    this.#last = crash;
    if (isSameTry) return;
    this.#inARow = crash.wasSound ? 1 : this.#inARow + 1;
    this.#lastMs = crash.endedMs;
    // Half of the pause is sure, half is left to chance.
    this.#notBeforeMs = this.#lastMs + backoffMs(this.#inARow - 1, (1 + this.#random()) / 2, PAUSE);
  }

  /** Undefined when nothing speaks against another worker. */
  get heldBack(): HeldBack | undefined {
    const last = this.#last;
    const nowMs = this.#clock.monotonicMs();
    const isHopeless = this.#inARow >= MAX_CRASHES;
    if (last === undefined || (!isHopeless && nowMs >= this.#notBeforeMs)) return undefined;
    const ended = `worker ${last.id} ended with ${last.how}`;
    const ago = `${Math.round((nowMs - this.#lastMs) / 1000)} s ago`;
    const next = `next try in ${Math.ceil((this.#notBeforeMs - nowMs) / 1000)} s`;
    return { last, isHopeless, why: isHopeless ? ended : `${ended} ${ago}; ${next}` };
  }
}

import { backoffMs } from '../../core/runtime/backoff.ts';
import type { Clock } from '../../core/runtime/clock.ts';

/** After this many failed tries in a row, a restart will not fix the cause. */
const MAX_CRASHES = 3;
const PAUSE = { baseMs: 2000 };

export interface Crash {
  id: string;
  /** "code 1", "signal SIGSEGV". */
  how: string;
  /** By the monotonic clock, as `endedMs`. */
  launchedMs: number;
  endedMs: number;
  /** It had become ready or lived long enough, so starting workers works in principle. */
  hadStarted: boolean;
}

export interface LaunchPause {
  last: Crash;
  /** A restart will not fix the cause. */
  isPermanent: boolean;
  why: string;
}

/**
 * Decides whether another worker may be started after some crashed. Workers that were launched together and end together
 * count as one failed try.
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

  /** A worker became ready or ended without an error. It ends the row of failures if it was launched after the last crash. */
  succeeded(launchedMs: number): void {
    if (launchedMs < this.#lastMs) return;
    this.#inARow = 0;
    this.#notBeforeMs = Number.NEGATIVE_INFINITY;
  }

  failed(crash: Crash): void {
    const isSameTry = this.#inARow > 0 && crash.launchedMs < this.#lastMs;
    this.#last = crash;
    if (isSameTry) return;
    this.#inARow = crash.hadStarted ? 1 : this.#inARow + 1;
    this.#lastMs = crash.endedMs;
    // Half of the pause is fixed, half is jitter.
    this.#notBeforeMs = this.#lastMs + backoffMs(this.#inARow - 1, (1 + this.#random()) / 2, PAUSE);
  }

  /** Undefined if another worker may be started. */
  get pause(): LaunchPause | undefined {
    const last = this.#last;
    const nowMs = this.#clock.monotonicMs();
    const isPermanent = this.#inARow >= MAX_CRASHES;
    if (last === undefined || (!isPermanent && nowMs >= this.#notBeforeMs)) return undefined;
    const ended = `worker ${last.id} ended with ${last.how}`;
    const ago = `${Math.round((nowMs - this.#lastMs) / 1000)} s ago`;
    const next = `next try in ${Math.ceil((this.#notBeforeMs - nowMs) / 1000)} s`;
    return { last, isPermanent, why: isPermanent ? ended : `${ended}, ${ago}; ${next}` };
  }
}

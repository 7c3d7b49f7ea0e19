import { backoffMs } from '../../core/backoff.ts';
import type { Clock } from '../../core/clock.ts';

/** After so many workers in a row that ended by themselves with an error, something is wrong that a restart cannot mend. */
const MAX_CRASHES = 3;
/** A worker that lived this long before it crashed was no failure to start. */
const SOUND_LIFE_MS = 30_000;
const PAUSE = { baseMs: 1000, maxMs: 30_000 };

export interface Crash {
  id: string;
  /** "code 1", "signal SIGSEGV". */
  how: string;
}

/** Whether another worker may be started, after some that ended with an error. */
export class Crashes {
  readonly #clock: Clock;
  readonly #random: () => number;
  #inARow = 0;
  #notBeforeMs = Number.NEGATIVE_INFINITY;
  #last: Crash | undefined;

  constructor(clock: Clock, random: () => number) {
    this.#clock = clock;
    this.#random = random;
  }

  get last(): Crash | undefined {
    return this.#last;
  }

  get isHopeless(): boolean {
    return this.#inARow >= MAX_CRASHES;
  }

  /** How long no other should be started. */
  get pauseMs(): number {
    return Math.max(0, this.#notBeforeMs - this.#clock.monotonicMs());
  }

  /** A worker that ended well shows that workers can. */
  endedWell(): void {
    this.#inARow = 0;
    this.#notBeforeMs = Number.NEGATIVE_INFINITY;
  }

  add(crash: Crash, lifeMs: number): void {
    this.#last = crash;
    if (lifeMs >= SOUND_LIFE_MS) {
      this.endedWell();
      return;
    }
    // Half of the pause is sure, half is left to chance.
    const pauseMs = PAUSE.baseMs * 2 ** this.#inARow;
    this.#inARow++;
    this.#notBeforeMs =
      this.#clock.monotonicMs() +
      pauseMs / 2 +
      backoffMs(0, this.#random(), { baseMs: pauseMs / 2, maxMs: PAUSE.maxMs });
  }
}

import type { Clock } from '../../core/runtime/clock.ts';

/** A reading within this time after the last one repeats it. */
const MIN_INTERVAL_MS = 1000;

interface Reading {
  imagesPerSecond: number;
  /** Share of the time in which the worker held batches, 0 to 1. */
  busyShare: number;
}

/** The throughput of a worker and its share of busy time, from one reading to the next. */
export class RateMeter {
  readonly #clock: Clock;
  #images = 0;
  #since: { ms: number; images: number };
  #busySinceMs: number | undefined;
  #busyMs = 0;
  #last: Reading = { imagesPerSecond: 0, busyShare: 0 };

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#since = { ms: clock.monotonicMs(), images: 0 };
  }

  /** Total since the start. */
  get images(): number {
    return this.#images;
  }

  add(images: number): void {
    this.#images += images;
  }

  setBusy(isBusy: boolean): void {
    const nowMs = this.#clock.monotonicMs();
    if (this.#busySinceMs !== undefined) this.#busyMs += nowMs - this.#busySinceMs;
    this.#busySinceMs = isBusy ? nowMs : undefined;
  }

  read(): Reading {
    const nowMs = this.#clock.monotonicMs();
    const elapsedMs = nowMs - this.#since.ms;
    if (elapsedMs < MIN_INTERVAL_MS) return this.#last;
    this.setBusy(this.#busySinceMs !== undefined);
    this.#last = {
      imagesPerSecond: ((this.#images - this.#since.images) * 1000) / elapsedMs,
      busyShare: Math.min(1, this.#busyMs / elapsedMs),
    };
    this.#since = { ms: nowMs, images: this.#images };
    this.#busyMs = 0;
    return this.#last;
  }
}

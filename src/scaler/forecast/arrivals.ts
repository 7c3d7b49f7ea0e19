const RECENT_ARRIVALS = 20;

export interface LoggedArrival {
  /** Wall clock, milliseconds since 1970. */
  atMs: number;
  /** For one machine. */
  workMs: number;
}

/** The arrivals by time, and how far apart two of them are that count as of the same rhythm. */
export class Arrivals {
  readonly times: readonly number[];
  readonly toleranceMs: number;
  readonly #works: readonly number[];

  constructor(arrivals: readonly LoggedArrival[], toleranceMs: number) {
    this.times = arrivals.map(({ atMs }) => atMs);
    this.#works = arrivals.map(({ workMs }) => workMs);
    this.toleranceMs = toleranceMs;
  }

  get firstMs(): number {
    return this.times[0] ?? Number.POSITIVE_INFINITY;
  }

  /** In a millisecond: in all, or lately if that is more. */
  get rate(): number {
    const rateOf = (times: readonly number[]) =>
      times.length < 2 ? 0 : (times.length - 1) / ((times.at(-1) ?? 0) - (times[0] ?? 0));
    return Math.max(rateOf(this.times), rateOf(this.times.slice(-RECENT_ARRIVALS)));
  }

  /** The nearest arrival within the tolerance. */
  near(atMs: number): LoggedArrival | undefined {
    let low = 0;
    let high = this.times.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.times[middle] ?? 0) < atMs) low = middle + 1;
      else high = middle;
    }
    const [nearest] = [low - 1, low]
      .flatMap((at) => this.#at(at))
      .sort((a, b) => Math.abs(a.atMs - atMs) - Math.abs(b.atMs - atMs));
    return nearest !== undefined && Math.abs(nearest.atMs - atMs) <= this.toleranceMs ? nearest : undefined;
  }

  #at(at: number): LoggedArrival[] {
    const [atMs, workMs] = [this.times[at], this.#works[at]];
    return atMs === undefined || workMs === undefined ? [] : [{ atMs, workMs }];
  }
}

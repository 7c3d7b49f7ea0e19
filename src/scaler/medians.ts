/** The median of the last few samples; until the first sample, the value of an earlier controller. */
export class RecentMedian {
  readonly #samples: number[] = [];
  readonly #size: number;
  #remembered: number | undefined;
  #median: number | undefined;

  constructor(remembered?: number, size = 20) {
    this.#remembered = remembered;
    this.#size = size;
  }

  add(sample: number): void {
    this.#samples.push(sample);
    if (this.#samples.length > this.#size) this.#samples.shift();
    this.#median = this.#samples.toSorted((a, b) => a - b)[Math.floor(this.#samples.length / 2)];
  }

  /** What an earlier controller measured. */
  remember(value: number | undefined): void {
    this.#remembered ??= value;
  }

  get value(): number | undefined {
    return this.#median ?? this.#remembered;
  }
}

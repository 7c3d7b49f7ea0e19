import type { IndexRange } from '../core/job/manifest.ts';

/**
 * Which images of a job have an outcome. Pure. Neighbouring ranges become one, so that a million images in order take no
 * more memory than the holes among them.
 */
export class Coverage {
  /** In index order, apart from each other by an image at least. */
  #spans: IndexRange[] = [];

  add({ first, last }: IndexRange): void {
    const from = this.#firstEndingFrom(first - 1);
    let to = from;
    const joined = { first, last };
    for (let span = this.#spans[to]; span !== undefined && span.first <= last + 1; span = this.#spans[++to]) {
      joined.first = Math.min(joined.first, span.first);
      joined.last = Math.max(joined.last, span.last);
    }
    this.#spans.splice(from, to - from, joined);
  }

  /** How many images. */
  get images(): number {
    return this.#spans.reduce((images, { first, last }) => images + last - first + 1, 0);
  }

  /** First image of the job without one. */
  get frontier(): number {
    const [first] = this.#spans;
    return first?.first === 0 ? first.last + 1 : 0;
  }

  get spans(): readonly IndexRange[] {
    return this.#spans;
  }

  /** Whether any of these images has one. */
  overlaps({ first, last }: IndexRange): boolean {
    const span = this.#spans[this.#firstEndingFrom(first)];
    return span !== undefined && span.first <= last;
  }

  /** What of these images has no outcome, in index order. */
  holes({ first, last }: IndexRange): IndexRange[] {
    const holes: IndexRange[] = [];
    let next = first;
    for (let at = this.#firstEndingFrom(first); next <= last; at++) {
      const span = this.#spans[at];
      const end = Math.min(last, (span?.first ?? Number.POSITIVE_INFINITY) - 1);
      if (end >= next) holes.push({ first: next, last: end });
      next = (span?.last ?? last) + 1;
    }
    return holes;
  }

  /** Place of the first span that ends at `index` or later. */
  #firstEndingFrom(index: number): number {
    let low = 0;
    let high = this.#spans.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#spans[middle]?.last ?? 0) < index) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

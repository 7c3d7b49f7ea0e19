/** Images `first` to `last`, both included. */
export interface IndexRange {
  first: number;
  last: number;
}

/**
 * A set of image indexes. Pure. Neighbouring ranges are merged, so a million images in order take no more memory than
 * the gaps among them.
 */
export class IndexRanges {
  /** In index order, with at least one index between two ranges. */
  #ranges: IndexRange[] = [];

  constructor(ranges: Iterable<IndexRange> = []) {
    for (const range of ranges) this.add(range);
  }

  /** In index order, with at least one index between two ranges. */
  get list(): readonly IndexRange[] {
    return this.#ranges;
  }

  /** How many indexes. */
  get size(): number {
    return this.#ranges.reduce((size, { first, last }) => size + last - first + 1, 0);
  }

  /** One past the last index. */
  get end(): number {
    return (this.#ranges.at(-1)?.last ?? -1) + 1;
  }

  /** The first index from 0 on that is not in the set. */
  get frontier(): number {
    const [first] = this.#ranges;
    return first?.first === 0 ? first.last + 1 : 0;
  }

  has(index: number): boolean {
    return this.overlaps({ first: index, last: index });
  }

  /** Whether any index of the range is in the set. */
  overlaps({ first, last }: IndexRange): boolean {
    const range = this.#ranges[this.#firstEndingFrom(first)];
    return range !== undefined && range.first <= last;
  }

  /** The indexes of the range that are in the set. */
  within({ first, last }: IndexRange): IndexRanges {
    const inside = new IndexRanges();
    for (let at = this.#firstEndingFrom(first); at < this.#ranges.length; at++) {
      const range = this.#ranges[at];
      if (range === undefined || range.first > last) break;
      inside.#ranges.push({ first: Math.max(first, range.first), last: Math.min(last, range.last) });
    }
    return inside;
  }

  /** The indexes of the range that are not in the set, as ranges in index order. */
  holes(range: IndexRange): readonly IndexRange[] {
    return new IndexRanges([range]).without(this.within(range)).list;
  }

  /** The indexes of this set that are in none of the others. */
  without(...others: readonly IndexRanges[]): IndexRanges {
    const rest = new IndexRanges();
    rest.#ranges = [...this.#ranges];
    for (const other of others) for (const range of other.list) rest.remove(range);
    return rest;
  }

  *indexes(): Generator<number> {
    for (const { first, last } of this.#ranges) for (let index = first; index <= last; index++) yield index;
  }

  /** Adds the range, which may be empty (`last` before `first`). */
  add({ first, last }: IndexRange): void {
    if (last < first) return;
    const from = this.#firstEndingFrom(first - 1);
    let to = from;
    const merged = { first, last };
    for (
      let range = this.#ranges[to];
      range !== undefined && range.first <= last + 1;
      range = this.#ranges[++to]
    ) {
      merged.first = Math.min(merged.first, range.first);
      merged.last = Math.max(merged.last, range.last);
    }
    this.#ranges.splice(from, to - from, merged);
  }

  remove({ first, last }: IndexRange): void {
    const from = this.#firstEndingFrom(first);
    let to = from;
    const rest: IndexRange[] = [];
    for (
      let range = this.#ranges[to];
      range !== undefined && range.first <= last;
      range = this.#ranges[++to]
    ) {
      if (range.first < first) rest.push({ first: range.first, last: first - 1 });
      if (range.last > last) rest.push({ first: last + 1, last: range.last });
    }
    this.#ranges.splice(from, to - from, ...rest);
  }

  /** Place of the first range that ends at `index` or later. */
  #firstEndingFrom(index: number): number {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ranges[middle]?.last ?? 0) < index) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Sets of image indexes, kept as ranges so that a job of any size costs little. Pure. */
import type { SpanView } from '../../api.ts';

export class Spans {
  /** In order, apart from each other. */
  #spans: SpanView[] = [];

  constructor(spans: Iterable<SpanView> = []) {
    for (const span of spans) this.add(span);
  }

  get list(): readonly SpanView[] {
    return this.#spans;
  }

  get size(): number {
    return this.#spans.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  }

  /** One past the last index. */
  get end(): number {
    return (this.#spans.at(-1)?.last ?? -1) + 1;
  }

  has(index: number): boolean {
    const { first = Number.POSITIVE_INFINITY } = this.#spans[this.#reaching(index)] ?? {};
    return first <= index;
  }

  add({ first, last }: SpanView): void {
    const from = this.#reaching(first - 1);
    let to = from;
    let merged = { first, last };
    for (; to < this.#spans.length; to++) {
      const next = this.#spans[to];
      if (next === undefined || next.first > last + 1) break;
      merged = { first: Math.min(merged.first, next.first), last: Math.max(merged.last, next.last) };
    }
    this.#spans.splice(from, to - from, merged);
  }

  remove({ first, last }: SpanView): void {
    const from = this.#reaching(first);
    let to = from;
    const left: SpanView[] = [];
    for (; to < this.#spans.length; to++) {
      const next = this.#spans[to];
      if (next === undefined || next.first > last) break;
      if (next.first < first) left.push({ first: next.first, last: first - 1 });
      if (next.last > last) left.push({ first: last + 1, last: next.last });
    }
    this.#spans.splice(from, to - from, ...left);
  }

  /** What is in here and in none of the others. */
  without(...others: readonly Spans[]): Spans {
    const left = new Spans();
    left.#spans = [...this.#spans];
    for (const other of others) for (const span of other.list) left.remove(span);
    return left;
  }

  /** What of this lies in the range. */
  within({ first, last }: SpanView): Spans {
    const inside = new Spans();
    for (let place = this.#reaching(first); place < this.#spans.length; place++) {
      const span = this.#spans[place];
      if (span === undefined || span.first > last) break;
      inside.#spans.push({ first: Math.max(first, span.first), last: Math.min(last, span.last) });
    }
    return inside;
  }

  *indexes(): Generator<number> {
    for (const { first, last } of this.#spans) for (let index = first; index <= last; index++) yield index;
  }

  /** Place of the first range that ends at the index or later. */
  #reaching(index: number): number {
    let low = 0;
    let high = this.#spans.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#spans[middle]?.last ?? 0) < index) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

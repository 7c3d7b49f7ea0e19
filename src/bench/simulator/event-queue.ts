/** Future events, the earliest first. Events at the same time keep the order in which they were scheduled. */
export class EventQueue {
  readonly #heap: { atMs: number; order: number; run(): void }[] = [];
  #scheduled = 0;

  /** Infinity if no event is scheduled. */
  get nextAtMs(): number {
    return this.#heap[0]?.atMs ?? Number.POSITIVE_INFINITY;
  }

  schedule(atMs: number, run: () => void): void {
    const heap = this.#heap;
    heap.push({ atMs, order: this.#scheduled++, run });
    for (let at = heap.length - 1; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (!this.#swapIfEarlier(at, parent)) break;
      at = parent;
    }
  }

  /** Removes and returns the earliest event. */
  take(): { atMs: number; run(): void } | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
    heap[0] = last;
    for (let at = 0; ; ) {
      const left = 2 * at + 1;
      const child = this.#isEarlier(left + 1, left) ? left + 1 : left;
      if (!this.#swapIfEarlier(child, at)) return first;
      at = child;
    }
  }

  #isEarlier(a: number, b: number): boolean {
    const [one, other] = [this.#heap[a], this.#heap[b]];
    if (one === undefined || other === undefined) return false;
    return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
  }

  #swapIfEarlier(a: number, b: number): boolean {
    const [one, other] = [this.#heap[a], this.#heap[b]];
    if (one === undefined || other === undefined || !this.#isEarlier(a, b)) return false;
    this.#heap[a] = other;
    this.#heap[b] = one;
    return true;
  }
}

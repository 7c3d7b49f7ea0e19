import type { ShardRange } from '../core/job/keys.ts';
import { isError, type Outcome } from '../core/model/outcome.ts';

/** Maximum number of outcomes of responses in memory. Others are read from the ledger when needed. */
const KEPT_OUTCOMES = 4096;

/** A shard that the waiter knows, with its outcomes if a response had them. */
export interface KnownShard {
  range: ShardRange;
  /** First index to take from this shard: above `range.first` if another shard has the beginning. */
  from: number;
  outcomes: readonly Outcome[] | undefined;
}

/**
 * Tracks which images have an outcome, and returns shards in input order. Pure.
 *
 * Shards are added in any order, and may be added twice. `frontier` is the first index that was not taken yet. The shard
 * with that index is taken next, so outcomes are taken in input order, each once.
 */
export class Tally {
  /** Shards not taken yet, by `from`. */
  #waiting = new Map<number, KnownShard>();
  #waitingImages = 0;
  #keptOutcomes = 0;
  #frontier = 0;

  /** First index that was not taken. */
  get frontier(): number {
    return this.#frontier;
  }

  /** Images with an outcome. Overlapping shards above the frontier count twice until the frontier reaches them. */
  get covered(): number {
    return this.#frontier + this.#waitingImages;
  }

  /** @returns false if the shard has nothing new. */
  add(range: ShardRange, outcomes?: readonly Outcome[]): boolean {
    const from = Math.max(range.first, this.#frontier);
    if (range.last < from) return false;
    const known = this.#waiting.get(from);
    if (known !== undefined) {
      if (known.range.last >= range.last) return false;
      this.#remove(known);
    }
    const fits = this.#keptOutcomes + (outcomes?.length ?? 0) <= KEPT_OUTCOMES;
    const shard = { range, from, outcomes: fits ? outcomes : undefined };
    this.#waiting.set(from, shard);
    this.#waitingImages += range.last - from + 1;
    this.#keptOutcomes += shard.outcomes?.length ?? 0;
    return true;
  }

  /** Takes the shard at the frontier and moves the frontier past it. Undefined if there is none. */
  take(): KnownShard | undefined {
    const shard = this.#waiting.get(this.#frontier);
    if (shard === undefined) return undefined;
    this.#remove(shard);
    this.#frontier = shard.range.last + 1;
    for (let index = shard.from + 1; index < this.#frontier; index++) {
      const overlapping = this.#waiting.get(index);
      if (overlapping === undefined) continue;
      this.#remove(overlapping);
      this.add(overlapping.range, overlapping.outcomes);
    }
    return shard;
  }

  #remove(shard: KnownShard): void {
    this.#waiting.delete(shard.from);
    this.#waitingImages -= shard.range.last - shard.from + 1;
    this.#keptOutcomes -= shard.outcomes?.length ?? 0;
  }
}

/** The valid one of two outcomes of an image: highest attempt, then prediction before error, then narrowest range. */
export function better(a: RankedOutcome, b: RankedOutcome): RankedOutcome {
  const rank = ({ range, outcome }: RankedOutcome) => [
    range.attempt,
    isError(outcome) ? 0 : 1,
    range.first - range.last,
  ];
  const [left, right] = [rank(a), rank(b)];
  for (let i = 0; i < left.length; i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference > 0 ? a : b;
  }
  return a;
}

export interface RankedOutcome {
  range: ShardRange;
  outcome: Outcome;
}

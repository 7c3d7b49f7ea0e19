import type { ShardRange } from '../core/job/keys.ts';
import { isError, type Outcome } from '../core/model/outcome.ts';

/** How many outcomes are kept from responses until their turn comes; the rest is read from the ledger again. */
const KEPT_OUTCOMES = 4096;

/** A shard that the waiter knows of, with its outcomes where a response brought them. */
export interface KnownShard {
  range: ShardRange;
  /** First index that this shard is wanted for: later than `range.first` where another shard gave the beginning. */
  from: number;
  outcomes: readonly Outcome[] | undefined;
}

/**
 * Which images have an outcome, and which shard comes next in input order. Pure.
 *
 * Shards come in any order and more than once. `frontier` is the first index that was not taken yet; the shard that
 * gives it is taken next, so that outcomes leave in input order, each once.
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

  /** Images with an outcome; shards that overlap ahead of the frontier count twice until it gets there. */
  get covered(): number {
    return this.#frontier + this.#waitingImages;
  }

  /** @returns false when the shard brings nothing new. */
  add(range: ShardRange, outcomes?: readonly Outcome[]): boolean {
    const from = Math.max(range.first, this.#frontier);
    if (range.last < from) return false;
    const known = this.#waiting.get(from);
    if (known !== undefined) {
      if (known.range.last >= range.last) return false;
      this.#forget(known);
    }
    const fits = this.#keptOutcomes + (outcomes?.length ?? 0) <= KEPT_OUTCOMES;
    const shard = { range, from, outcomes: fits ? outcomes : undefined };
    this.#waiting.set(from, shard);
    this.#waitingImages += range.last - from + 1;
    this.#keptOutcomes += shard.outcomes?.length ?? 0;
    return true;
  }

  /** The shard that holds the frontier, or undefined while there is none. Moves the frontier past it. */
  take(): KnownShard | undefined {
    const shard = this.#waiting.get(this.#frontier);
    if (shard === undefined) return undefined;
    this.#forget(shard);
    this.#frontier = shard.range.last + 1;
    for (let index = shard.from + 1; index < this.#frontier; index++) {
      const overlapping = this.#waiting.get(index);
      if (overlapping === undefined) continue;
      this.#forget(overlapping);
      this.add(overlapping.range, overlapping.outcomes);
    }
    return shard;
  }

  #forget(shard: KnownShard): void {
    this.#waiting.delete(shard.from);
    this.#waitingImages -= shard.range.last - shard.from + 1;
    this.#keptOutcomes -= shard.outcomes?.length ?? 0;
  }
}

/** Of two outcomes of one image, the one that counts: highest attempt, then prediction over error, then narrowest range. */
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

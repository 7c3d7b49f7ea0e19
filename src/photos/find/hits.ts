import type { IndexedLabel } from '../../core/cloud/search-index.ts';
import { PLACE_NUMBER_BITS } from './place.ts';
import type { Indexed } from './read-texts.ts';

/** A photograph with a label that was searched for. */
export interface Hit extends Indexed {
  label: IndexedLabel;
  score: number;
  /** The best label of the photograph. */
  best: IndexedLabel;
}

/** Slots of the filter, by the first bits of a photograph's number: a byte each. */
const SLOT_BITS = 22;
const NUMBERS_A_SLOT = 2 ** (PLACE_NUMBER_BITS - SLOT_BITS);
/** Of percents. */
const LAST_BUCKET = 100;

/** What was found so far, by the numbers of the photographs. Add what newer jobs have after what older ones have. */
export class Hits {
  readonly #hits = new Map<number, Hit>();
  /** Most photographs are not found: a look at a byte is a tenth of a look into the map. */
  readonly #mayHave = new Uint8Array(2 ** SLOT_BITS);

  get count(): number {
    return this.#hits.size;
  }

  /** Of several labels of a photograph in one job, the one with the highest score stays. */
  add(number: number, hit: Hit): void {
    const known = this.#hits.get(number);
    if (known !== undefined && known.score >= hit.score) return;
    this.#hits.set(number, hit);
    this.#mayHave[Math.trunc(number / NUMBERS_A_SLOT)] = 1;
  }

  /** Drops what older jobs have found of these photographs of a job. */
  dropOlder(job: string, photographs: Float64Array): void {
    if (this.#hits.size === 0) return;
    for (let at = 0; at < photographs.length; at++) {
      const number = photographs[at] ?? 0;
      if (this.#mayHave[Math.trunc(number / NUMBERS_A_SLOT)] !== 1) continue;
      const hit = this.#hits.get(number);
      if (hit !== undefined && hit.piece.job !== job) this.#hits.delete(number);
    }
  }

  /** The highest scores first. Who takes the best hundred of a hundred thousand needs no others sorted. */
  *byScore(): Generator<Hit> {
    const buckets = Map.groupBy(this.#hits.values(), ({ score }) =>
      Math.min(LAST_BUCKET, Math.floor(LAST_BUCKET * score)),
    );
    for (let percent = LAST_BUCKET; percent >= 0; percent--)
      yield* buckets.get(percent)?.sort((a, b) => b.score - a.score) ?? [];
  }
}

/** The outcomes of a job as far as the page has them: sparse, whatever the size of the job. Pure. */

import { IndexRanges } from '../../../core/job/index-ranges.ts';
import type { OutcomeView, SpanView } from '../../api.ts';

export type Failed = Extract<OutcomeView, { error: unknown }>;

export const isFailed = (outcome: OutcomeView): outcome is Failed => 'error' in outcome;

/** `coming`: it has an outcome, which is not here yet. */
export type OutcomeState = 'labelled' | 'failed' | 'waiting' | 'coming';

export class Outcomes {
  /** Images that have an outcome, as the service said last. */
  #covered = new IndexRanges();
  readonly #byIndex = new Map<number, OutcomeView>();
  /** Images whose newest outcome is here. */
  #upToDate = new IndexRanges();
  /** Failed images that a retry has not come to yet. */
  readonly #triedAgain = new Set<number>();

  get covered(): IndexRanges {
    return this.#covered;
  }

  get loaded(): number {
    return this.#byIndex.size;
  }

  /** Images whose outcome is there and not here. */
  get missing(): IndexRanges {
    return this.#covered.without(this.#upToDate);
  }

  /** All of what is covered now: nothing else is, and errors may have been replaced while nobody looked. */
  snapshot(covered: readonly SpanView[], isRetried: boolean): void {
    this.#covered = new IndexRanges(covered);
    for (const [index, outcome] of this.#byIndex) {
      const isGone = !this.#covered.has(index);
      if (isGone) this.#byIndex.delete(index);
      if (isGone || isFailed(outcome)) this.#upToDate.remove({ first: index, last: index });
      if (isRetried && isFailed(outcome)) this.#triedAgain.add(index);
    }
  }

  /** Images with a new outcome; what was here of them is old. */
  progress(covered: readonly SpanView[]): void {
    for (const span of covered) {
      this.#covered.add(span);
      this.#upToDate.remove(span);
      for (const index of this.#triedAgain)
        if (index >= span.first && index <= span.last) this.#triedAgain.delete(index);
    }
  }

  /** What was fetched. `outdated`: images that got a newer outcome while this was on its way. */
  take(outcomes: readonly OutcomeView[], outdated: IndexRanges): void {
    for (const outcome of outcomes) {
      const { index } = outcome;
      this.#byIndex.set(index, outcome);
      this.#covered.add({ first: index, last: index });
      if (!outdated.has(index)) this.#upToDate.add({ first: index, last: index });
    }
  }

  /** No retry goes on any more. */
  settle(): void {
    this.#triedAgain.clear();
  }

  at(index: number): OutcomeView | undefined {
    return this.#triedAgain.has(index) ? undefined : this.#byIndex.get(index);
  }

  stateOf(index: number): OutcomeState {
    if (this.#triedAgain.has(index)) return 'waiting';
    const outcome = this.#byIndex.get(index);
    if (outcome !== undefined) return isFailed(outcome) ? 'failed' : 'labelled';
    return this.#covered.has(index) ? 'coming' : 'waiting';
  }

  /** In input order. */
  loadedIndexes(): number[] {
    return [...this.#byIndex.keys()].sort((one, other) => one - other);
  }
}

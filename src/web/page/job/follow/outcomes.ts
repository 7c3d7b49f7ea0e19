/** The outcomes of a job that the page has loaded, kept sparse for jobs of any size. Pure. */
import { type IndexRange, IndexRanges } from '../../../../core/job/index-ranges.ts';
import { guessesText, WarningCounts } from '../../../../core/text/warning-text.ts';
import type { OutcomeView } from '../../../outcome-views.ts';
import { number } from '../../format.ts';

export type Failed = Extract<OutcomeView, { error: unknown }>;

export const isFailed = (outcome: OutcomeView): outcome is Failed => 'error' in outcome;

/** Whether a label is worth little: its score is lower than `minScore`, or it has a warning. */
export const isDoubtful = (outcome: OutcomeView, minScore: number): boolean =>
  !isFailed(outcome) && (outcome.warning !== undefined || outcome.score < minScore);

/** `loading`: the image has an outcome that is not loaded yet. */
export type OutcomeState = 'labelled' | 'failed' | 'waiting' | 'loading';

export class Outcomes {
  /** Images that have an outcome, according to the last event. */
  #covered = new IndexRanges();
  readonly #byIndex = new Map<number, OutcomeView>();
  /** Images whose newest outcome is loaded. */
  #upToDate = new IndexRanges();
  /** Failed images of a retried job without a new outcome. */
  readonly #retried = new Set<number>();

  get covered(): IndexRanges {
    return this.#covered;
  }

  get loaded(): number {
    return this.#byIndex.size;
  }

  /** Images whose newest outcome is not loaded. */
  get missing(): IndexRanges {
    return this.#covered.without(this.#upToDate);
  }

  /** Replaces the coverage. Errors are loaded again: a retry may have replaced them while the page was disconnected. */
  snapshot(covered: readonly IndexRange[], isRetried: boolean): void {
    this.#covered = new IndexRanges(covered);
    for (const [index, outcome] of this.#byIndex) {
      const isGone = !this.#covered.has(index);
      if (isGone) this.#byIndex.delete(index);
      if (isGone || isFailed(outcome)) this.#upToDate.remove({ first: index, last: index });
      if (isRetried && isFailed(outcome)) this.#retried.add(index);
    }
  }

  /** Adds images with a new outcome. What was loaded of them is outdated. */
  progress(covered: readonly IndexRange[]): void {
    for (const range of covered) {
      this.#covered.add(range);
      this.#upToDate.remove(range);
      for (const index of this.#retried)
        if (index >= range.first && index <= range.last) this.#retried.delete(index);
    }
  }

  /** Stores fetched outcomes. `outdated`: images that got a newer outcome during the request. */
  add(outcomes: readonly OutcomeView[], outdated: IndexRanges): void {
    for (const outcome of outcomes) {
      const { index } = outcome;
      this.#byIndex.set(index, outcome);
      this.#covered.add({ first: index, last: index });
      if (!outdated.has(index)) this.#upToDate.add({ first: index, last: index });
    }
  }

  /** The retry is over: failed images keep their old outcome. */
  endRetry(): void {
    this.#retried.clear();
  }

  at(index: number): OutcomeView | undefined {
    return this.#retried.has(index) ? undefined : this.#byIndex.get(index);
  }

  stateOf(index: number): OutcomeState {
    if (this.#retried.has(index)) return 'waiting';
    const outcome = this.#byIndex.get(index);
    if (outcome !== undefined) return isFailed(outcome) ? 'failed' : 'labelled';
    return this.#covered.has(index) ? 'loading' : 'waiting';
  }

  /** How many of the loaded labels are worth little. */
  doubtful(minScore: number): number {
    let count = 0;
    for (const outcome of this.#byIndex.values()) if (isDoubtful(outcome, minScore)) count++;
    return count;
  }

  /** A sentence for each reason why loaded labels are worth little. */
  warnings(minScore: number): string[] {
    const counts = new WarningCounts();
    let guesses = 0;
    for (const outcome of this.#byIndex.values()) {
      if (isFailed(outcome)) continue;
      if (outcome.warning !== undefined) counts.add(outcome.warning);
      else if (outcome.score < minScore) guesses++;
    }
    return [
      ...counts.texts(number),
      ...(guesses === 0 ? [] : [guessesText(guesses, minScore, number(guesses))]),
    ];
  }

  /** Of the loaded outcomes. */
  errorCodes(): Failed['error']['code'][] {
    return [...this.#byIndex.values()].flatMap((outcome) => (isFailed(outcome) ? outcome.error.code : []));
  }

  /** In input order. */
  loadedIndexes(): number[] {
    return [...this.#byIndex.keys()].sort((one, other) => one - other);
  }
}

import { isError, type Outcome, type ScoredLabel } from '../../core/model/outcome.ts';
import type { Keywords } from '../xmp/keywords.ts';

export interface LabelChoice {
  /** Labels with a lower score are no keywords. */
  minScore: number;
  /** Maximum number of labels. */
  top: number;
}

/** The labels of an image that are sure enough. None if the outcome has a warning: all its labels are unreliable. */
export function sureLabels(outcome: Outcome, { minScore, top }: LabelChoice): ScoredLabel[] {
  if (isError(outcome) || outcome.warning !== undefined) return [];
  return outcome.labels.slice(0, top).filter(({ score }) => score >= minScore);
}

export function keywordsOf(labels: readonly ScoredLabel[]): Keywords {
  const words = [...new Set(labels.map(({ label }) => label))];
  return { words, paths: words.map((word) => [word]) };
}

import { type Level, labelAt } from '../../core/model/level.ts';
import { isError, type Outcome } from '../../core/model/outcome.ts';
import type { Keywords } from '../xmp/keywords.ts';

/** Above this the category of a label is the one with the highest score: no other can have as much. */
const HALF = 0.5;

/** The best label at a level, if it is sure enough. Not if the outcome has a warning: all its labels are unreliable. */
export function sureLabel(
  outcome: Outcome,
  { minScore, level }: { minScore: number; level: Level },
): string | undefined {
  if (isError(outcome) || outcome.warning !== undefined) return undefined;
  const best = labelAt(outcome, level);
  return best !== undefined && best.score >= minScore ? best.label : undefined;
}

/** The labels of an image that are sure enough, below its category if that is sure, too. */
export function keywordsOf(outcome: Outcome, { minScore, top }: { minScore: number; top: number }): Keywords {
  if (isError(outcome) || outcome.warning !== undefined) return { words: [], paths: [] };
  const labels = outcome.labels.slice(0, top).filter(({ score }) => score >= minScore);
  const category = sureLabel(outcome, { minScore, level: 'category' });
  const paths = labels.map(({ label, score }) =>
    category !== undefined && score > HALF && label !== category ? [category, label] : [label],
  );
  if (category !== undefined && !paths.some(([first]) => first === category)) paths.push([category]);
  return { words: [...new Set(paths.flat())], paths };
}

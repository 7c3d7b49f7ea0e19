import { isError, type Outcome } from './outcome.ts';

/** How precise labels are: the model's classes, or their categories. */
export const levels = ['class', 'category'] as const;
export type Level = (typeof levels)[number];

/** The best label of an outcome at a level, with its score. Undefined for an error, and for a prediction without a category. */
export function labelAt(outcome: Outcome, level: Level): { label: string; score: number } | undefined {
  if (isError(outcome)) return undefined;
  if (level === 'class') return outcome.labels[0];
  const { category } = outcome;
  return category && { label: category.name, score: category.score };
}

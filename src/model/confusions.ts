// Which classes a model takes for which others.

import type { ClassLabel } from '../core/model/model.ts';
import { type EvaluatedImage, isRight } from './evaluate.ts';

export interface Confusion {
  truth: ClassLabel;
  predicted: ClassLabel;
  images: number;
  /** The one with the highest score. */
  surest: { path: string; score: number };
}

/** The most frequent first, then the surest. */
export function confusionsOf(
  predictions: readonly EvaluatedImage[],
  labels: readonly ClassLabel[],
): Confusion[] {
  const classes = new Map(labels.map((each) => [each.wnid, each]));
  const confusions = new Map<string, Confusion>();
  for (const { path, truth, best } of predictions.filter((each) => !isRight(each))) {
    const [wnid = ''] = truth;
    const pair = `${wnid} ${best.wnid}`;
    const known = confusions.get(pair) ?? {
      truth: classes.get(wnid) ?? { wnid, label: wnid },
      predicted: { wnid: best.wnid, label: best.label },
      images: 0,
      surest: { path, score: best.score },
    };
    const surest = best.score > known.surest.score ? { path, score: best.score } : known.surest;
    confusions.set(pair, { ...known, images: known.images + 1, surest });
  }
  return [...confusions.values()].sort((a, b) => b.images - a.images || b.surest.score - a.surest.score);
}

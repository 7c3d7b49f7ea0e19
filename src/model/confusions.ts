// Which classes a model takes for which others.

import type { ClassLabel } from '../core/model/model.ts';
import { type EvaluatedImage, isRight } from './evaluate.ts';

export interface Confusion {
  truth: ClassLabel;
  predicted: ClassLabel;
  images: number;
}

/** The most frequent first. */
export function confusionsOf(
  predictions: readonly EvaluatedImage[],
  labels: readonly ClassLabel[],
): Confusion[] {
  const classes = new Map(labels.map((each) => [each.wnid, each]));
  const confusions = new Map<string, Confusion>();
  for (const { truth, best } of predictions.filter((each) => !isRight(each))) {
    const [wnid = ''] = truth;
    const pair = `${wnid} ${best.wnid}`;
    const known = confusions.get(pair) ?? {
      truth: classes.get(wnid) ?? { wnid, label: wnid },
      predicted: { wnid: best.wnid, label: best.label },
      images: 0,
    };
    confusions.set(pair, { ...known, images: known.images + 1 });
  }
  return [...confusions.values()].sort((a, b) => b.images - a.images);
}

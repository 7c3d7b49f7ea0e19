// What an evaluation found about a model, for its texts and for programs.

import { percent } from '../../core/text/percent.ts';
import type { ScoreBin } from '../../model/calibration.ts';
import type { Confusion } from '../../model/confusions.ts';
import type { EvaluatedImage } from '../../model/evaluate.ts';

export interface EvaluatedModel {
  /** NAME/VARIANT. */
  model: string;
  version: string;
  images: number;
  /** Shares of the images, 0 to 1. */
  top1: number;
  top5: number;
  /** Absent if the model has no categories. */
  category?: number;
  failed: number;
  imagesPerSecond: number;
  /** The most frequent first. */
  confusions: Confusion[];
  calibration: {
    /** The model's own temperature; 1 if it has none. */
    temperature: number;
    /** The expected calibration error, 0 to 1. */
    expectedError: number;
    /** The one before this calibration; absent without `--calibrate`. */
    expectedErrorBefore?: number;
    bins: ScoreBin[];
  };
}

/** An image of which the label is wrong. */
export interface WrongImage extends Pick<EvaluatedImage, 'path' | 'best'> {
  /** The name of its true class. */
  truth: string;
}

/** With the images of which the label is wrong, the surest first. */
export interface ReportedModel extends EvaluatedModel {
  wrong: WrongImage[];
}

/** `0 to 10 %` */
export const rangeText = ({ from, to }: Pick<ScoreBin, 'from' | 'to'>): string =>
  `${Math.round(100 * from)} to ${Math.round(100 * to)} %`;

/** `labels with scores around 80 % are right for 24 of 30 images`: four times in five, if the scores say what they mean. */
export function aroundEighty({ calibration }: EvaluatedModel): string {
  const around = calibration.bins.filter(({ from, to }) => from >= 0.69 && to <= 0.91);
  const count = (of: 'images' | 'right') => around.reduce((sum, bin) => sum + bin[of], 0);
  return count('images') === 0
    ? 'no label has a score of 70 to 90 %'
    : `labels with scores of 70 to 90 % are right for ${count('right')} of ${count('images')} images`;
}

/** `Scores are off by 4.2 % on average (expected calibration error).` */
export function errorText({ calibration }: EvaluatedModel): string {
  const { expectedError, expectedErrorBefore } = calibration;
  const before = expectedErrorBefore === undefined ? '' : `, ${percent(expectedErrorBefore)} before`;
  return `Scores differ from the share of right labels by ${percent(expectedError)} on average (expected calibration error${before}).`;
}

export const confusionHead = ['true class', 'predicted', 'images'];

/** Classes of the same name, such as the two of "crane", are shown by their ids. */
export const confusionCells = ({ truth, predicted, images }: Confusion): string[] =>
  truth.label === predicted.label
    ? [`${truth.label} (${truth.wnid})`, `${predicted.label} (${predicted.wnid})`, String(images)]
    : [truth.label, predicted.label, String(images)];

export const binHead = ['score', 'images', 'right', 'share right', 'mean score'];

export const binCells = (bin: ScoreBin): string[] =>
  bin.images === 0
    ? [rangeText(bin), '0', '', '', '']
    : [
        rangeText(bin),
        String(bin.images),
        String(bin.right),
        percent(bin.right / bin.images),
        percent(bin.meanScore),
      ];

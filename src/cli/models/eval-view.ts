// What an evaluation found about a model, for its texts and for programs.

import { basename } from 'node:path';
import type { ClassLabel } from '../../core/model/model.ts';
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
  /** The 95 % interval: where top-1 of many such images lies. */
  top1Interval: [low: number, high: number];
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
    /** That of each half of the images with the temperature that was found on the other half; absent without `--calibrate`. */
    expectedErrorOnOthers?: number;
    /** Of the best labels. */
    meanScore: number;
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

/** `The mean score is 74.0 %, and 90.0 % of the labels are right. Scores differ ... by 16.0 % on average` */
export function errorText({ top1, calibration }: EvaluatedModel): string {
  const { expectedError, expectedErrorBefore, expectedErrorOnOthers, meanScore } = calibration;
  const calibrated =
    expectedErrorBefore === undefined || expectedErrorOnOthers === undefined
      ? ''
      : `, ${percent(expectedErrorBefore)} before; ${percent(expectedErrorOnOthers)} if each half of the images is calibrated with the other half`;
  return `The mean score is ${percent(meanScore)}, and ${percent(top1)} of the labels are right. Scores differ from the share of right labels by ${percent(expectedError)} on average (expected calibration error${calibrated}).`;
}

/** Which scores the wrong labels have. */
export const scoresNote = ({ calibration }: EvaluatedModel): string =>
  calibration.expectedErrorBefore === undefined ? '' : ' (scores before this calibration)';

/** `82.6 to 94.5 %` */
export const intervalText = ({ top1Interval: [low, high] }: EvaluatedModel): string =>
  `${(100 * low).toFixed(1)} to ${percent(high)}`;

export const confusionHead = ['true class', 'predicted', 'images', 'surest', 'file'];

/** Classes of the same name, such as the two of "crane", are shown by their ids. */
export const confusionCells = ({ truth, predicted, images, surest }: Confusion): string[] => {
  const isSame = truth.label === predicted.label;
  const name = ({ label, wnid }: ClassLabel) => (isSame ? `${label} (${wnid})` : label);
  return [name(truth), name(predicted), String(images), percent(surest.score), basename(surest.path)];
};

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

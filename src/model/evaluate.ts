// Measures the accuracy of a model.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { type ImageResult, isError, type Prediction, type ScoredLabel } from '../core/model/outcome.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import { categoryOf } from './categories.ts';
import type { LabelledImage } from './labelled-images.ts';

/** An image with its true class and the label that it got. */
export interface EvaluatedImage extends LabelledImage {
  best: ScoredLabel;
}

export const isRight = ({ truth, best }: EvaluatedImage): boolean => truth.includes(best.wnid);

export interface Evaluation {
  images: number;
  /** Images whose true class is the model's first one (top1), or among its first five (top5). */
  top1: number;
  top5: number;
  /** Images whose true class is in the model's first category. 0 if it has no categories. */
  category: number;
  predictions: EvaluatedImage[];
  /** Images without a prediction. They count as wrong. */
  failed: { path: string; why: string }[];
  /** Of every image's content and true class, in order: equal for two evaluations of the same images. */
  digest: string;
}

export interface EvaluateOptions {
  classify(bytes: Uint8Array, topK: number): Promise<ImageResult>;
  /** Images in memory at once. */
  concurrency: number;
  /** Number of labels that `onPrediction` needs, at least five. */
  topK?: number;
  onPrediction?(prediction: Prediction, truth: readonly string[]): void;
  onProgress?(done: number): void;
  signal?: AbortSignal;
}

const TOP = 5;

/** @throws errors of `classify` and of reading files; {@link ImgclsError} if the model cannot be used. */
export async function evaluate(
  images: readonly LabelledImage[],
  { classify, concurrency, topK = TOP, onPrediction, onProgress, signal }: EvaluateOptions,
): Promise<Evaluation> {
  const evaluation: Evaluation = {
    images: images.length,
    top1: 0,
    top5: 0,
    category: 0,
    predictions: [],
    failed: [],
    digest: '',
  };
  const digest = createHash('sha256');
  const classified = Readable.from(images).map(
    async ({ path, truth }: LabelledImage) => {
      const bytes = await readFile(path);
      const content = createHash('sha256').update(bytes).digest('hex');
      return { path, truth, content, result: await classify(bytes, topK) };
    },
    { concurrency, ...(signal && { signal }) },
  );
  let done = 0;
  const results = classified as AsyncIterable<
    Pick<LabelledImage, 'path' | 'truth'> & { content: string; result: ImageResult }
  >;
  for await (const { path, truth, content, result } of results) {
    digest.update(`${content} ${truth.join(' ')}\n`);
    if (isError(result) && result.error.code === 'model_unavailable') {
      throw new ImgclsError('permanent', result.error.message);
    }
    if (isError(result)) evaluation.failed.push({ path, why: result.error.message });
    else {
      const rank = result.labels.slice(0, TOP).findIndex(({ wnid }) => truth.includes(wnid));
      if (rank === 0) evaluation.top1++;
      if (rank >= 0) evaluation.top5++;
      const { category } = result;
      if (category !== undefined && truth.some((wnid) => categoryOf(wnid) === category.name))
        evaluation.category++;
      const [best] = result.labels;
      if (best !== undefined) evaluation.predictions.push({ path, truth, best });
      onPrediction?.(result, truth);
    }
    onProgress?.(++done);
  }
  evaluation.digest = digest.digest('hex');
  return evaluation;
}

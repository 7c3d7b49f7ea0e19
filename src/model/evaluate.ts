// How often a model is right.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { type ImageResult, isError } from '../core/model/outcome.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import type { LabelledImage } from './labelled-images.ts';

export interface Evaluation {
  images: number;
  /** Images whose truth was the first class, and those where it was among the first five. */
  top1: number;
  top5: number;
  /** Those that got no prediction count as wrong. */
  failed: { path: string; why: string }[];
  /** Of every image's content and truth, in order: the same for two models that were given the same. */
  digest: string;
}

export interface EvaluateOptions {
  classify(bytes: Uint8Array, topK: number): Promise<ImageResult>;
  /** Images in memory at a time. */
  concurrency: number;
  onProgress?(done: number): void;
  signal?: AbortSignal;
}

const TOP = 5;

/** @throws what `classify` throws, and what reading a file does; {@link ImgclsError} where the model cannot be used. */
export async function evaluate(
  images: readonly LabelledImage[],
  { classify, concurrency, onProgress, signal }: EvaluateOptions,
): Promise<Evaluation> {
  const evaluation: Evaluation = { images: images.length, top1: 0, top5: 0, failed: [], digest: '' };
  const digest = createHash('sha256');
  const answered = Readable.from(images).map(
    async ({ path, truth }: LabelledImage) => {
      const bytes = await readFile(path);
      const content = createHash('sha256').update(bytes).digest('hex');
      return { path, truth, content, result: await classify(bytes, TOP) };
    },
    { concurrency, ...(signal && { signal }) },
  );
  let done = 0;
  const answers = answered as AsyncIterable<
    Pick<LabelledImage, 'path' | 'truth'> & { content: string; result: ImageResult }
  >;
  for await (const { path, truth, content, result } of answers) {
    digest.update(`${content} ${truth.join(' ')}\n`);
    if (isError(result) && result.error.code === 'model_unavailable') {
      throw new ImgclsError('permanent', result.error.message);
    }
    if (isError(result)) evaluation.failed.push({ path, why: result.error.message });
    else {
      const place = result.labels.findIndex(({ wnid }) => truth.includes(wnid));
      if (place === 0) evaluation.top1++;
      if (place >= 0) evaluation.top5++;
    }
    onProgress?.(++done);
  }
  evaluation.digest = digest.digest('hex');
  return evaluation;
}

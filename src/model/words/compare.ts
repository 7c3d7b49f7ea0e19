// Compares an image with the labels of a job.

import type { ModelManifest } from '../../core/model/model.ts';
import type { Words } from '../../core/model/words.ts';
import { ImgclsError } from '../../core/runtime/errors.ts';

type ZeroShot = NonNullable<ModelManifest['zeroShot']>;

/** A logit for each label. @param image its vector, of any length. @throws {ImgclsError} if the vectors are of another model. */
export function compareWithWords(
  image: Float32Array,
  { labels, vectors }: Words,
  { length, scale, bias }: Pick<ZeroShot, 'length' | 'scale' | 'bias'>,
): Float32Array {
  if (vectors.length !== labels.length * length)
    throw new ImgclsError(
      'permanent',
      `The labels have ${vectors.length / labels.length} numbers each; the model has ${length}.`,
    );
  const unit = unitVector(image);
  return Float32Array.from(labels, (_, index) => {
    let cosine = 0;
    for (let at = 0; at < length; at++)
      cosine += (unit[at] as number) * (vectors[index * length + at] as number);
    return scale * cosine + bias;
  });
}

/** The vector of length 1 in the same direction. */
export function unitVector(vector: Float32Array): Float32Array {
  let squares = 0;
  for (const value of vector) squares += value * value;
  const length = Math.sqrt(squares);
  return vector.map((value) => value / length);
}

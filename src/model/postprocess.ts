// Model output -> the classes that a person reads.

import type { ClassLabel, ModelManifest } from '../core/model/model.ts';
import type { ScoredLabel } from '../core/model/outcome.ts';

/**
 * The `topK` best classes of one image, best first; of equal scores the lower class index comes first.
 * @param output one row of the model's output, one number a class: logits, or probabilities where activation is `none`.
 * @throws {RangeError} when the model gave something that is no number.
 */
export function topClasses(
  output: Float32Array,
  labels: readonly ClassLabel[],
  activation: ModelManifest['activation'],
  topK: number,
): ScoredLabel[] {
  if (output.length !== labels.length) {
    throw new RangeError(`The model gave ${output.length} numbers for ${labels.length} classes.`);
  }
  if (!output.every(Number.isFinite)) throw new RangeError('The model gave numbers that are not finite.');
  const toScore = activation === 'softmax' ? softmaxOf(output) : (value: number) => value;
  return largest(output, topK).map((index) => {
    const { wnid, label } = labels[index] as ClassLabel;
    return { wnid, label, score: toScore(output[index] as number) };
  });
}

/** Logit -> probability among `logits`. The largest is subtracted first, so that nothing overflows. */
function softmaxOf(logits: Float32Array): (logit: number) => number {
  let max = -Infinity;
  for (const logit of logits) max = Math.max(max, logit);
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - max);
  return (logit) => Math.exp(logit - max) / sum;
}

/** Indices of the `count` largest values, largest first, by insertion into a short list: no sort of all classes. */
function largest(values: Float32Array, count: number): number[] {
  const best: number[] = [];
  for (const [index, value] of values.entries()) {
    if (best.length === count && value <= (values[best[count - 1] as number] as number)) continue;
    let at = best.length;
    // Strictly greater only: an equal value that came earlier stays in front.
    while (at > 0 && value > (values[best[at - 1] as number] as number)) at--;
    best.splice(at, 0, index);
    if (best.length > count) best.pop();
  }
  return best;
}

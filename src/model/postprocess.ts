// Converts a model's output to labels and scores.

import type { ClassLabel, ModelManifest } from '../core/model/model.ts';
import type { ScoredLabel } from '../core/model/outcome.ts';

/**
 * The `topK` best classes of one image, best first. For equal scores the lower class index comes first.
 * @param output one row of the model's output, one number a class: logits, or probabilities if activation is `none`.
 * @throws {RangeError} if the model returned too few or too many numbers, or one that is not finite.
 */
export function topClasses(
  output: Float32Array,
  labels: readonly ClassLabel[],
  activation: ModelManifest['activation'],
  topK: number,
): ScoredLabel[] {
  if (output.length !== labels.length) {
    throw new RangeError(`The model returned ${output.length} numbers for ${labels.length} classes.`);
  }
  if (!output.every(Number.isFinite)) throw new RangeError('The model returned numbers that are not finite.');
  const toScore = activation === 'softmax' ? softmaxOf(output) : (value: number) => value;
  return largest(output, topK).map((index) => {
    const { wnid, label } = labels[index] as ClassLabel;
    return { wnid, label, score: toScore(output[index] as number) };
  });
}

/** Converts a logit to its probability among `logits`. Subtracts the largest first, to avoid an overflow. */
function softmaxOf(logits: Float32Array): (logit: number) => number {
  let max = -Infinity;
  for (const logit of logits) max = Math.max(max, logit);
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - max);
  return (logit) => Math.exp(logit - max) / sum;
}

/** Indices of the `count` largest values, largest first. Inserts into a short list instead of sorting all classes. */
function largest(values: Float32Array, count: number): number[] {
  const best: number[] = [];
  for (const [index, value] of values.entries()) {
    if (best.length === count && value <= (values[best[count - 1] as number] as number)) continue;
    let at = best.length;
    // Strictly greater: of equal values the earlier one stays in front.
    while (at > 0 && value > (values[best[at - 1] as number] as number)) at--;
    best.splice(at, 0, index);
    if (best.length > count) best.pop();
  }
  return best;
}

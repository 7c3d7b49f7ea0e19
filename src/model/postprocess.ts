// Converts a model's output to labels and their scores.

import type { ClassLabel, ModelManifest } from '../core/model/model.ts';
import type { ScoredCategory, ScoredLabel } from '../core/model/outcome.ts';
import type { Categories } from './categories.ts';

/**
 * The scores of one image: a probability for each class. Only those of `sigmoid` do not add up to 1.
 * @param output one row of the model's output, one number a class: logits, or probabilities if activation is `none`.
 * @throws {RangeError} if the model returned a number that is not finite.
 */
export function scoresOf(
  output: Float32Array,
  { activation, temperature = 1 }: Pick<ModelManifest, 'activation' | 'temperature'>,
): Float64Array {
  if (!output.every(Number.isFinite)) throw new RangeError('The model returned numbers that are not finite.');
  const values = new Float64Array(output);
  if (activation === 'sigmoid') return values.map((logit) => 1 / (1 + Math.exp(-logit / temperature)));
  if (activation === 'none' && temperature === 1) return values;
  const logits = activation === 'softmax' ? output : output.map(Math.log);
  return softmax(logits, temperature);
}

/** Converts logits to probabilities. Subtracts the largest first, to avoid an overflow. */
function softmax(logits: Float32Array, temperature: number): Float64Array {
  let max = -Infinity;
  for (const logit of logits) max = Math.max(max, logit);
  const weights = new Float64Array(logits.length);
  let sum = 0;
  for (const [index, logit] of logits.entries()) {
    const weight = Math.exp((logit - max) / temperature);
    weights[index] = weight;
    sum += weight;
  }
  return weights.map((weight) => weight / sum);
}

/**
 * The `topK` best classes, best first. For equal scores the lower class index comes first.
 * @throws {RangeError} if there are not as many scores as labels.
 */
export function topClasses(scores: Float64Array, labels: readonly ClassLabel[], topK: number): ScoredLabel[] {
  if (scores.length !== labels.length)
    throw new RangeError(`The model returned ${scores.length} numbers for ${labels.length} classes.`);
  return largest(scores, topK).map((index) => {
    const { wnid, label } = labels[index] as ClassLabel;
    return { wnid, label, score: scores[index] as number };
  });
}

/** The category with the highest score: the sum of the scores of all its classes, not only of the best ones. */
export function bestCategory(scores: Float64Array, { names, places }: Categories): ScoredCategory {
  const sums = new Float64Array(names.length);
  for (let index = 0; index < scores.length; index++) {
    const place = places[index] as number;
    sums[place] = (sums[place] as number) + (scores[index] as number);
  }
  const [best = 0] = largest(sums, 1);
  // Rounding must not make it more than certain.
  return { name: names[best] ?? '', score: Math.min(1, sums[best] ?? 0) };
}

/** Indices of the `count` largest values, largest first. Inserts into a short list instead of sorting all values. */
function largest(values: Float64Array, count: number): number[] {
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

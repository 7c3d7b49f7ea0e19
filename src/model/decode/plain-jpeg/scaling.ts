// How pictures of one size are scaled and cropped, as the program reads it.

import type { Target } from '../placement.ts';
import { type Weights, weightsOf } from './weights.ts';

export interface Scaling {
  rows: Weights;
  /** The first column that is kept, and the one after the last. */
  left: number;
  right: number;
  /** For each column of the result, the first one of the numbers of those that are kept. */
  columnFirst: Uint32Array;
  /** `columnPairs` times {@link PAIR} weights for each column of the result. */
  columnWeights: Int16Array;
  columnPairs: number;
}

export const CHANNELS = 3;
/** Numbers of a pair: the weight of a pixel for each channel, that of the next pixel, and two zeros. */
const PAIR = 8;

/** The photographs of a job have few sizes. A scaling has 10 to 30 KB, and to make it takes a twentieth of a decode. */
export const KEPT_SCALINGS = 64;

/** Answers the scaling of a size. Those that were used last are kept. */
export function makeScalings(): (width: number, height: number, recipe: Target) => Scaling {
  const kept = new Map<string, Scaling>();
  return (width, height, recipe) => {
    const key = [width, height, recipe.fit, recipe.resizeShortestSide, recipe.cropSize, recipe.kernel].join(
      ' ',
    );
    const scaling = kept.get(key) ?? scalingOf(width, height, recipe);
    // In the order of their last use.
    kept.delete(key);
    kept.set(key, scaling);
    const [oldest] = kept.keys();
    if (kept.size > KEPT_SCALINGS && oldest !== undefined) kept.delete(oldest);
    return scaling;
  };
}

function scalingOf(width: number, height: number, recipe: Target): Scaling {
  const shortestSide = Math.min(width, height);
  const columns = weightsOf(width, shortestSide, recipe);
  const left = columns.first[0] as number;
  return {
    rows: weightsOf(height, shortestSide, recipe),
    left,
    right: (columns.first.at(-1) as number) + columns.taps,
    columnFirst: columns.first.map((column) => CHANNELS * (column - left)),
    columnWeights: inPairs(columns),
    columnPairs: pairsOf(columns),
  };
}

const pairsOf = ({ taps }: Weights): number => Math.ceil(taps / 2);

function inPairs(weights: Weights): Int16Array {
  const { first, taps, values } = weights;
  const pairs = pairsOf(weights);
  const all = new Int16Array(PAIR * pairs * first.length);
  for (let index = 0; index < first.length; index++) {
    for (let tap = 0; tap < taps; tap++) {
      const at = PAIR * (pairs * index + (tap >> 1)) + CHANNELS * (tap & 1);
      all.fill(values[taps * index + tap] as number, at, at + CHANNELS);
    }
  }
  return all;
}

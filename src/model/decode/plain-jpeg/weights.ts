// Which pixels make each pixel of a scaled picture. The formulas are those of Pillow: the kernel is as wide as the pixels that
// it averages, so that no pixel of a larger picture is left out. The nearest pixel alone is the exception.

import { placementOf, type Target } from '../placement.ts';

/** How a pixel counts by its distance, which is in pixels of the smaller of the two pictures. */
const KERNELS = {
  nearest: { radius: 0.5, weight: (distance: number) => (distance > -0.5 && distance <= 0.5 ? 1 : 0) },
  linear: { radius: 1, weight: (distance: number) => Math.max(0, 1 - Math.abs(distance)) },
  cubic: { radius: 2, weight: (distance: number) => cubic(Math.abs(distance)) },
  lanczos3: { radius: 3, weight: (distance: number) => lanczos(Math.abs(distance)) },
};

const CUBIC_SHARPNESS = -0.5;

function cubic(x: number): number {
  const a = CUBIC_SHARPNESS;
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

const lanczos = (x: number): number => (x < 3 ? sinc(x) * sinc(x / 3) : 0);

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

/** The sum of the weights of a pixel. */
export const WEIGHT_ONE = 16_384;

interface Window {
  /** The first one of the pixels that make each pixel of the result. */
  first: Uint32Array;
  /** How many pixels make one of the result. */
  taps: number;
}

export interface Shares extends Window {
  /** `taps` shares for each pixel of the result, of the sum 1. */
  values: Float64Array;
}

export interface Weights extends Window {
  /** `taps` weights for each pixel of the result. */
  values: Int16Array;
}

/** The shares of pixels on a side of `size` pixels of a picture, of which the centre is cropped. */
export function sharesOf(size: number, shortestSide: number, recipe: Target): Shares {
  const { cropSize, kernel } = recipe;
  const { scaledSize, margin } = placementOf(size, shortestSide, recipe);
  const { radius, weight } = KERNELS[kernel];
  const ratio = size / scaledSize;
  const width = kernel === 'nearest' ? 1 : Math.max(1, ratio);
  const reach = radius * width;
  const taps = Math.min(size, Math.floor(2 * reach) + 1);
  const first = new Uint32Array(cropSize);
  const values = new Float64Array(cropSize * taps);
  const centres = kernel === 'nearest' ? addedCentres(margin + cropSize, ratio) : undefined;
  for (let index = 0; index < cropSize; index++) {
    const centre = centres?.[margin + index] ?? (margin + index + 0.5) * ratio;
    const start = Math.min(Math.max(0, Math.floor(centre - reach + 0.5)), size - taps);
    const end = Math.floor(centre + reach + 0.5);
    const shares = values.subarray(index * taps, (index + 1) * taps);
    let sum = 0;
    for (let tap = 0; tap < taps; tap++) {
      const share = start + tap < end ? weight((start + tap + 0.5 - centre) / width) : 0;
      shares[tap] = share;
      sum += share;
    }
    for (let tap = 0; tap < taps; tap++) shares[tap] = (shares[tap] as number) / sum;
    first[index] = start;
  }
  return { first, taps, values };
}

/** Pillow adds ratios up here. Where two pixels are equally near, the error of the sum decides. */
function addedCentres(count: number, ratio: number): Float64Array {
  let centre = ratio / 2 - ratio;
  return new Float64Array(count).map(() => (centre += ratio));
}

/** The same in 16 bits. */
export function weightsOf(size: number, shortestSide: number, recipe: Target): Weights {
  const { first, taps, values: shares } = sharesOf(size, shortestSide, recipe);
  const values = new Int16Array(shares.length);
  for (let from = 0; from < shares.length; from += taps)
    writeWeights(values.subarray(from, from + taps), shares.subarray(from, from + taps));
  return { first, taps, values };
}

/** Rounds so that the sum is exact: a picture of one colour keeps it. */
function writeWeights(values: Int16Array, shares: Float64Array): void {
  let total = 0;
  let [largest, at] = [0, 0];
  for (const [tap, share] of shares.entries()) {
    const value = Math.round(WEIGHT_ONE * share);
    values[tap] = value;
    total += value;
    if (value > largest) [largest, at] = [value, tap];
  }
  values[at] = largest + WEIGHT_ONE - total;
}

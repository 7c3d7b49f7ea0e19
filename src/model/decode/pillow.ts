// Scales a picture to the bytes that Pillow makes of it: the processors of the Hugging Face Hub are defined by it, and a model
// may notice a difference of one level of 255. It takes longer than the program for plain JPEGs.

import { placementOf, type Target } from './placement.ts';
import { type Shares, sharesOf } from './plain-jpeg/weights.ts';

/** Recipes of other origin keep the scaling with which their models were measured (docs/decisions/0042-jpeg.md). */
export const isScaledAsPillow = ({ fit = 'cover' }: Pick<Target, 'fit'>): boolean => fit !== 'cover';

export interface RawPicture {
  /** Rows of R G B. */
  pixels: Uint8Array;
  width: number;
  height: number;
}

const CHANNELS = 3;
/** Weights are whole numbers of this part of 1; sums of bytes times weights have 32 bits. */
const WEIGHT_BITS = 22;
const HALF = 2 ** (WEIGHT_BITS - 1);

/** @returns `cropSize` x `cropSize` pixels. */
export function scaledAsPillow({ pixels, width, height }: RawPicture, recipe: Target): Uint8Array {
  const shortestSide = Math.min(width, height);
  const columns = inWholeNumbers(sharesOf(width, shortestSide, recipe));
  const rows = inWholeNumbers(sharesOf(height, shortestSide, recipe));
  const [lostColumns, lostRows] = [width, height].map(
    (size) => size - placementOf(size, shortestSide, recipe).scaledSize,
  ) as [number, number];
  // Each step rounds to bytes, so their order counts. This is Pillow's rule since version 13.
  if (lostRows > 0 && lostRows > 2 * lostColumns)
    return mixColumns(mixRows(pixels, CHANNELS * width, rows), CHANNELS * width, columns);
  const top = rows.first[0] as number;
  const bottom = (rows.first.at(-1) as number) + rows.taps;
  const needed = pixels.subarray(CHANNELS * width * top, CHANNELS * width * bottom);
  const narrow = mixColumns(needed, CHANNELS * width, columns);
  return mixRows(narrow, CHANNELS * recipe.cropSize, {
    ...rows,
    first: rows.first.map((row) => row - top),
  });
}

/** Rounded as Pillow does: away from zero. */
function inWholeNumbers({ first, taps, values }: Shares): Shares {
  const weights = values.map((share) => Math.trunc(share * 2 ** WEIGHT_BITS + (share < 0 ? -0.5 : 0.5)));
  return { first, taps, values: weights };
}

/** Scales each row. @param rowBytes of the picture. */
function mixColumns(picture: Uint8Array, rowBytes: number, { first, taps, values }: Shares): Uint8Array {
  const rows = picture.length / rowBytes;
  const result = new Uint8ClampedArray(CHANNELS * first.length * rows);
  let to = 0;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < first.length; column++, to += CHANNELS) {
      let [red, green, blue] = [HALF, HALF, HALF];
      let from = row * rowBytes + CHANNELS * (first[column] as number);
      for (let tap = column * taps, end = tap + taps; tap < end; tap++, from += CHANNELS) {
        const weight = values[tap] as number;
        red += weight * (picture[from] as number);
        green += weight * (picture[from + 1] as number);
        blue += weight * (picture[from + 2] as number);
      }
      result[to] = red >> WEIGHT_BITS;
      result[to + 1] = green >> WEIGHT_BITS;
      result[to + 2] = blue >> WEIGHT_BITS;
    }
  }
  return new Uint8Array(result.buffer);
}

/** Scales each column. @param rowBytes of the picture. */
function mixRows(picture: Uint8Array, rowBytes: number, { first, taps, values }: Shares): Uint8Array {
  const result = new Uint8ClampedArray(rowBytes * first.length);
  const sums = new Float64Array(rowBytes);
  for (const [row, start] of first.entries()) {
    sums.fill(HALF);
    for (let tap = 0; tap < taps; tap++) {
      const weight = values[row * taps + tap] as number;
      const from = rowBytes * (start + tap);
      for (let at = 0; at < rowBytes; at++) {
        sums[at] = (sums[at] as number) + weight * (picture[from + at] as number);
      }
    }
    for (let at = 0; at < rowBytes; at++) result[row * rowBytes + at] = (sums[at] as number) >> WEIGHT_BITS;
  }
  return new Uint8Array(result.buffer);
}

// Which pixels make each pixel of a scaled picture. The formulas are those of Pillow: the kernel is as wide as the pixels that
// it averages, so that no pixel of a larger picture is left out.

const KERNELS = {
  linear: { radius: 1, weight: (distance: number) => Math.max(0, 1 - Math.abs(distance)) },
  cubic: { radius: 2, weight: (distance: number) => cubic(Math.abs(distance)) },
  lanczos3: { radius: 3, weight: (distance: number) => lanczos(Math.abs(distance)) },
};
/** How a pixel counts by its distance, which is in pixels of the smaller of the two pictures. */
export type SmoothKernel = keyof typeof KERNELS;

export const isSmooth = (kernel: string): kernel is SmoothKernel => kernel in KERNELS;

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

export interface Weights {
  /** The first one of the pixels that make each pixel of the result. */
  first: Uint32Array;
  /** How many pixels make one of the result. */
  taps: number;
  /** `taps` weights for each pixel of the result. */
  values: Int16Array;
}

/**
 * The weights for a side of `size` pixels of a picture, which is scaled so that its shortest side has `resizeShortestSide` pixels,
 * cropped to a square of that size, and that to its centre.
 */
export function weightsOf(
  size: number,
  shortestSide: number,
  {
    resizeShortestSide,
    cropSize,
    kernel,
  }: { resizeShortestSide: number; cropSize: number; kernel: SmoothKernel },
): Weights {
  const scaledSize = Math.round((resizeShortestSide * size) / shortestSide);
  const { radius, weight } = KERNELS[kernel];
  const ratio = size / scaledSize;
  const width = Math.max(1, ratio);
  const reach = radius * width;
  const taps = Math.min(size, Math.floor(2 * reach) + 1);
  const first = new Uint32Array(cropSize);
  const values = new Int16Array(cropSize * taps);
  // Of an odd rest the larger part is cut off first.
  const margin =
    Math.ceil((scaledSize - resizeShortestSide) / 2) + Math.round((resizeShortestSide - cropSize) / 2);
  const shares = new Float64Array(taps);
  for (let index = 0; index < cropSize; index++) {
    const centre = (margin + index + 0.5) * ratio;
    const start = Math.min(Math.max(0, Math.floor(centre - reach + 0.5)), size - taps);
    const end = Math.floor(centre + reach + 0.5);
    let sum = 0;
    for (let tap = 0; tap < taps; tap++) {
      const share = start + tap < end ? weight((start + tap + 0.5 - centre) / width) : 0;
      shares[tap] = share;
      sum += share;
    }
    first[index] = start;
    writeWeights(values.subarray(index * taps, (index + 1) * taps), shares, sum);
  }
  return { first, taps, values };
}

/** Rounds so that the sum is exact: a picture of one colour keeps it. */
function writeWeights(values: Int16Array, shares: Float64Array, sum: number): void {
  let total = 0;
  let [largest, at] = [0, 0];
  for (const [tap, share] of shares.entries()) {
    const value = Math.round((WEIGHT_ONE * share) / sum);
    values[tap] = value;
    total += value;
    if (value > largest) [largest, at] = [value, tap];
  }
  values[at] = largest + WEIGHT_ONE - total;
}

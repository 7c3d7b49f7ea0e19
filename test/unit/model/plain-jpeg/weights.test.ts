import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Preprocessing } from '../../../../src/core/model/model.ts';
import { WEIGHT_ONE, weightsOf } from '../../../../src/model/decode/plain-jpeg/weights.ts';

/** The pixels that make each one of the result, with their shares. */
function sharesOf(
  size: number,
  shortestSide: number,
  side: number,
  { cropSize = side, kernel = 'linear' }: { cropSize?: number; kernel?: Preprocessing['kernel'] } = {},
) {
  const recipe = { resizeShortestSide: side, cropSize, kernel };
  const { first, taps, values } = weightsOf(size, shortestSide, recipe);
  return [...first].map((start, index) =>
    Object.fromEntries(
      [...values.subarray(index * taps, (index + 1) * taps)]
        .map((value, tap) => [start + tap, Math.round((100 * value) / WEIGHT_ONE) / 100] as const)
        .filter(([, share]) => share !== 0),
    ),
  );
}

describe('the weights of the pixels that make a scaled one', () => {
  it('fall with their distance, over as many pixels as are lost', () => {
    // Of 4 pixels 2: the first one has its centre at 1.0 and reaches to 3.0. Distances 0.25, 0.25 and 0.75 make 3 : 3 : 1.
    expect(sharesOf(4, 4, 2)).toEqual([
      { 0: 0.43, 1: 0.43, 2: 0.14 },
      { 1: 0.14, 2: 0.43, 3: 0.43 },
    ]);
  });

  it('mix two neighbours of a picture that is scaled up', () => {
    expect(sharesOf(2, 2, 4)).toEqual([{ 0: 1 }, { 0: 0.75, 1: 0.25 }, { 0: 0.25, 1: 0.75 }, { 1: 1 }]);
  });

  it('are those of the centre, one pixel past it if the rest is odd', () => {
    expect(sharesOf(5, 2, 2)).toEqual([{ 2: 1 }, { 3: 1 }]);
    expect(sharesOf(6, 4, 4, { cropSize: 2 })).toEqual([{ 2: 1 }, { 3: 1 }]);
  });

  it.each(['linear', 'cubic', 'lanczos3'] as const)('are the same at both edges: %s', (kernel) => {
    const shares = sharesOf(20, 20, 24, { kernel });
    const mirrored = shares.map((ofPixel) =>
      Object.fromEntries(Object.entries(ofPixel).map(([at, share]) => [19 - Number(at), share])),
    );
    expect(mirrored.toReversed()).toEqual(shares);
  });

  it('have the sum 1 and belong to pixels of the picture', () => {
    const sides = fc.integer({ min: 1, max: 600 });
    const kernels = fc.constantFrom('linear' as const, 'cubic' as const, 'lanczos3' as const);
    fc.assert(
      fc.property(sides, sides, sides, kernels, (one, other, resizeShortestSide, kernel) => {
        const size = Math.max(one, other);
        const recipe = { resizeShortestSide, cropSize: Math.min(8, resizeShortestSide), kernel };
        const { first, taps, values } = weightsOf(size, Math.min(one, other), recipe);
        for (const [index, start] of first.entries()) {
          const ofPixel = values.subarray(index * taps, (index + 1) * taps);
          expect(ofPixel.reduce((sum, value) => sum + value, 0)).toBe(WEIGHT_ONE);
          expect(start + taps).toBeLessThanOrEqual(size);
        }
      }),
      { numRuns: 50, seed: 42 },
    );
  });
});

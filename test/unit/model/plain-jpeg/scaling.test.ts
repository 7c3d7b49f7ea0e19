import { describe, expect, it } from 'vitest';
import { KEPT_SCALINGS, makeScalings } from '../../../../src/model/decode/plain-jpeg/scaling.ts';

const recipe = { resizeShortestSide: 256, cropSize: 224, kernel: 'linear' } as const;

describe('the scaling of photographs', () => {
  it('is made once for those of the same size', () => {
    const scalingOf = makeScalings();
    const first = scalingOf(500, 375, recipe);
    expect(scalingOf(500, 375, recipe)).toBe(first);
    expect(scalingOf(375, 500, recipe)).not.toEqual(first);
    expect(scalingOf(500, 375, { ...recipe, kernel: 'cubic' })).not.toEqual(first);
    expect(scalingOf(500, 375, { ...recipe, cropSize: 128 })).not.toEqual(first);
  });

  it('takes no more memory with more sizes, and keeps those that were used last', () => {
    const scalingOf = makeScalings();
    const [first, second] = [scalingOf(500, 375, recipe), scalingOf(500, 376, recipe)];
    for (let size = 2; size < KEPT_SCALINGS; size++) scalingOf(500, 375 + size, recipe);
    expect(scalingOf(500, 375, recipe)).toBe(first);
    scalingOf(640, 480, recipe);
    expect(scalingOf(500, 375, recipe)).toBe(first);
    const again = scalingOf(500, 376, recipe);
    expect(again).not.toBe(second);
    expect(again).toEqual(second);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { topClasses } from '../../../src/model/postprocess.ts';

const labelsOf = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ wnid: `n${index}`, label: `class ${index}` }));

const indices = (values: number[], topK: number) =>
  topClasses(Float32Array.from(values), labelsOf(values.length), 'softmax', topK).map(({ wnid }) =>
    Number(wnid.slice(1)),
  );

describe('topClasses', () => {
  it('lists the best classes first with their softmax probabilities', () => {
    const best = topClasses(Float32Array.of(0, Math.log(3), Math.log(2)), labelsOf(3), 'softmax', 2);
    expect(best).toEqual([
      { wnid: 'n1', label: 'class 1', score: expect.closeTo(0.5, 6) },
      { wnid: 'n2', label: 'class 2', score: expect.closeTo(1 / 3, 6) },
    ]);
  });

  it('returns the probabilities of a model unchanged', () => {
    const [best] = topClasses(Float32Array.of(0.25, 0.75), labelsOf(2), 'none', 1);
    expect(best?.score).toBe(0.75);
  });

  it.each([
    [[1, 1, 1, 1], 2, [0, 1]],
    [[0, 5, 9, 5, 9], 4, [2, 4, 1, 3]],
    [[3, 3, 1], 1, [0]],
    [[1, 2], 5, [1, 0]],
  ])('breaks ties for the lower class: %j, top %i', (values, topK, expected) => {
    expect(indices(values, topK)).toEqual(expected);
  });

  it('stays finite for logits that overflow exp', () => {
    const best = topClasses(Float32Array.of(1e30, -1e30, 3e38), labelsOf(3), 'softmax', 3);
    expect(best.map(({ score }) => score)).toEqual([1, 0, 0]);
  });

  it('is a stable sort cut off at k', async () => {
    const value = fc.integer({ min: -5, max: 5 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(value, { minLength: 1, maxLength: 50 }),
        fc.integer({ min: 1, max: 60 }),
        async (values, k) => {
          const sorted = values.map((_, index) => index).sort((a, b) => (values[b] ?? 0) - (values[a] ?? 0));
          expect(indices(values, k)).toEqual(sorted.slice(0, k));
        },
      ),
    );
  });

  it('refuses output that is not finite or has another number of classes', () => {
    expect(() => topClasses(Float32Array.of(1, Number.NaN), labelsOf(2), 'softmax', 1)).toThrow(RangeError);
    expect(() => topClasses(Float32Array.of(1, 2), labelsOf(3), 'softmax', 1)).toThrow(RangeError);
  });
});

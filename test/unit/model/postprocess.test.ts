import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { categoriesOf } from '../../../src/model/categories.ts';
import { bestCategory, scoresOf, topClasses } from '../../../src/model/postprocess.ts';

const labelsOf = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ wnid: `n${index}`, label: `class ${index}` }));

const softmax = (...logits: number[]) => scoresOf(Float32Array.from(logits), { activation: 'softmax' });

const indices = (values: number[], topK: number) =>
  topClasses(softmax(...values), labelsOf(values.length), topK).map(({ wnid }) => Number(wnid.slice(1)));

describe('topClasses', () => {
  it('lists the best classes first with their softmax probabilities', () => {
    const best = topClasses(softmax(0, Math.log(3), Math.log(2)), labelsOf(3), 2);
    expect(best).toEqual([
      { wnid: 'n1', label: 'class 1', score: expect.closeTo(0.5, 6) },
      { wnid: 'n2', label: 'class 2', score: expect.closeTo(1 / 3, 6) },
    ]);
  });

  it('returns the probabilities of a model unchanged', () => {
    const [best] = topClasses(scoresOf(Float32Array.of(0.25, 0.75), { activation: 'none' }), labelsOf(2), 1);
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
    const best = topClasses(softmax(1e30, -1e30, 3e38), labelsOf(3), 3);
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
    expect(() => softmax(1, Number.NaN)).toThrow(RangeError);
    expect(() => topClasses(softmax(1, 2), labelsOf(3), 1)).toThrow(RangeError);
  });
});

describe('bestCategory', () => {
  // Two cats, two dogs, and a fish.
  const wnids = ['n02123045', 'n02124075', 'n02085620', 'n02086240', 'n01443537'];
  const categories = categoriesOf(wnids.map((wnid) => ({ wnid, label: wnid })));
  const best = (...logits: number[]) => categories && bestCategory(softmax(...logits), categories);

  it('sums the scores of all classes of a category, not only of the best one', () => {
    // The best class is the fish with 3/9; the dogs have 2/9 each.
    expect(best(0, 0, Math.log(2), Math.log(2), Math.log(3))).toEqual({
      name: 'dog',
      score: expect.closeTo(4 / 9, 6),
    });
  });

  it('is at most certain', () => {
    fc.assert(
      fc.property(
        fc.array(fc.float({ min: -40, max: 40, noNaN: true }), { minLength: 5, maxLength: 5 }),
        (logits) => {
          const score = best(...logits)?.score ?? Number.NaN;
          expect(score).toBeGreaterThanOrEqual(1 / 3 - 1e-9);
          expect(score).toBeLessThanOrEqual(1);
        },
      ),
    );
  });
});

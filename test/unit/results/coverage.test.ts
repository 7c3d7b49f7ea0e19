import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { IndexRange } from '../../../src/core/job/manifest.ts';
import { Coverage } from '../../../src/results/coverage.ts';

const span = (first: number, last: number): IndexRange => ({ first, last });
const covering = (...spans: IndexRange[]): Coverage => {
  const coverage = new Coverage();
  for (const one of spans) coverage.add(one);
  return coverage;
};

describe('the coverage of a job', () => {
  it('is one hole at first, and none once every image has an outcome', () => {
    expect(covering().holes(span(0, 9))).toEqual([span(0, 9)]);
    expect(covering(span(0, 4), span(5, 9)).holes(span(0, 9))).toEqual([]);
  });

  it('of a job without images has no hole', () => {
    expect(covering().holes(span(0, -1))).toEqual([]);
  });

  it('shows the holes before, between and after what is covered', () => {
    expect(covering(span(2, 3), span(6, 7)).holes(span(0, 9))).toEqual([span(0, 1), span(4, 5), span(8, 9)]);
  });

  it('is the same in whatever order, and however doubled, the shards come', () => {
    const spans = fc.array(
      fc.tuple(fc.nat(40), fc.nat(15)).map(([first, more]) => span(first, first + more)),
    );
    fc.assert(
      fc.property(spans, fc.nat(30), fc.nat(30), (added, first, more) => {
        const asked = span(first, first + more);
        const isCovered = (index: number) => added.some((one) => one.first <= index && index <= one.last);
        const indexes = Array.from({ length: more + 1 }, (_, place) => first + place);
        const holes = covering(...added).holes(asked);
        const inHoles = holes.flatMap((hole) =>
          indexes.filter((index) => hole.first <= index && index <= hole.last),
        );
        expect(inHoles).toEqual(indexes.filter((index) => !isCovered(index)));
      }),
    );
  });

  it('of a million images in order is known at once', () => {
    const coverage = new Coverage();
    for (const _attempt of [1, 2])
      for (let first = 0; first < 1_000_000; first += 16)
        if (first !== 499_984) coverage.add(span(first, first + 15));
    expect(coverage.holes(span(0, 999_999))).toEqual([span(499_984, 499_999)]);
  });
});

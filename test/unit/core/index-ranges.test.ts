import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type IndexRange, IndexRanges } from '../../../src/core/job/index-ranges.ts';

const range = (first: number, last: number): IndexRange => ({ first, last });
const rangesOf = (...ranges: IndexRange[]): IndexRanges => new IndexRanges(ranges);
const indexesOf = ({ first, last }: IndexRange): number[] =>
  Array.from({ length: last - first + 1 }, (_, place) => first + place);

/** The indexes as ranges: the fewest that there can be. */
function fewestRanges(indexes: Iterable<number>): IndexRange[] {
  const ranges: IndexRange[] = [];
  for (const index of [...indexes].sort((one, other) => one - other)) {
    const before = ranges.at(-1);
    if (before?.last === index - 1) before.last = index;
    else ranges.push(range(index, index));
  }
  return ranges;
}

const anyRange = fc.tuple(fc.nat(40), fc.nat(15)).map(([first, more]) => range(first, first + more));
const anyChange = fc.record({ isAdded: fc.boolean(), range: anyRange });

describe('a set of image indexes', () => {
  it('merges a range with the one that ends right before it', () => {
    expect(rangesOf(range(0, 4), range(5, 9)).list).toEqual([range(0, 9)]);
  });

  it('merges a range with the one that begins right after it', () => {
    expect(rangesOf(range(5, 9), range(0, 4)).list).toEqual([range(0, 9)]);
  });

  it('merges a range with both of its neighbours', () => {
    expect(rangesOf(range(0, 3), range(7, 9), range(4, 6)).list).toEqual([range(0, 9)]);
  });

  it('keeps ranges apart that have an index between them', () => {
    expect(rangesOf(range(0, 3), range(5, 9)).list).toEqual([range(0, 3), range(5, 9)]);
  });

  it('has the fewest ranges possible, in order, after any additions and removals', () => {
    fc.assert(
      fc.property(fc.array(anyChange), (changes) => {
        const ranges = new IndexRanges();
        const model = new Set<number>();
        for (const { isAdded, range } of changes) {
          if (isAdded) ranges.add(range);
          else ranges.remove(range);
          for (const index of indexesOf(range)) {
            if (isAdded) model.add(index);
            else model.delete(index);
          }
        }
        expect(ranges.list).toEqual(fewestRanges(model));
        expect([...ranges.indexes()]).toEqual([...model].sort((one, other) => one - other));
        expect(ranges.size).toBe(model.size);
        expect(ranges.end).toBe(Math.max(-1, ...model) + 1);
        expect(indexesOf(range(0, 60)).filter((index) => ranges.has(index))).toEqual([...ranges.indexes()]);
      }),
    );
  });

  it('says of any range what is in it and what is not', () => {
    fc.assert(
      fc.property(fc.array(anyRange), anyRange, (added, asked) => {
        const ranges = rangesOf(...added);
        const [inside, outside] = [true, false].map((isIn) =>
          fewestRanges(indexesOf(asked).filter((index) => ranges.has(index) === isIn)),
        );
        expect(ranges.within(asked).list).toEqual(inside);
        expect(ranges.holes(asked)).toEqual(outside);
        expect(ranges.overlaps(asked)).toBe(inside?.length !== 0);
      }),
    );
  });

  it('less others has none of their indexes, and stays as it was itself', () => {
    fc.assert(
      fc.property(fc.array(anyRange), fc.array(anyRange), fc.array(anyRange), (added, one, other) => {
        const ranges = rangesOf(...added);
        const before = [...ranges.list];
        const [without, others] = [rangesOf(...one), rangesOf(...other)];
        const rest = [...ranges.indexes()].filter((index) => !without.has(index) && !others.has(index));
        expect(ranges.without(without, others).list).toEqual(fewestRanges(rest));
        expect(ranges.list).toEqual(before);
      }),
    );
  });

  it('has its frontier at the first index from 0 on that is missing', () => {
    expect(rangesOf().frontier).toBe(0);
    expect(rangesOf(range(1, 5)).frontier).toBe(0);
    expect(rangesOf(range(0, 4), range(6, 9)).frontier).toBe(5);
  });

  it('of a job without images has no holes', () => {
    expect(rangesOf().holes(range(0, -1))).toEqual([]);
  });

  it('takes a million images in order, twice, without growing', () => {
    const ranges = new IndexRanges();
    for (const _attempt of [1, 2])
      for (let first = 0; first < 1_000_000; first += 16)
        if (first !== 499_984) ranges.add(range(first, first + 15));
    expect(ranges.list).toEqual([range(0, 499_983), range(500_000, 999_999)]);
    expect(ranges.holes(range(0, 999_999))).toEqual([range(499_984, 499_999)]);
  });
});

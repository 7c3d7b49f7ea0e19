import { describe, expect, it } from 'vitest';
import { compareSamples, rankSumP, summarise } from '../../../src/bench/statistics.ts';

describe('a summary', () => {
  it.each([
    [[5], { median: 5, p95: 5, min: 5, max: 5 }],
    [[4, 1], { median: 2.5, p95: 4, min: 1, max: 4 }],
    [[9, 1, 5], { median: 5, p95: 9, min: 1, max: 9 }],
    [[30, 1, 2, 3, 4], { median: 3, p95: 30, min: 1, max: 30 }],
  ])('of %j is %j', (samples, expected) => {
    expect(summarise(samples)).toEqual(expected);
  });

  it('of a hundred samples has the 95th as p95', () => {
    const samples = Array.from({ length: 100 }, (_, at) => 100 - at);
    expect(summarise(samples)).toEqual({ median: 50.5, p95: 95, min: 1, max: 100 });
  });
});

describe('the rank-sum test', () => {
  // By hand: of the 20 ways to choose 3 of 6, only the two extremes are this far apart.
  it('of complete separation gives two of all ways', () => {
    expect(rankSumP([1, 2, 3], [4, 5, 6])).toBeCloseTo(2 / 20);
    expect(rankSumP([6, 7, 8, 9, 10], [1, 2, 3, 4, 5])).toBeCloseTo(2 / 252);
  });

  // By hand: the ranks 1, 2, 4 and 6 sum to 13 (U = 3), and 7 of the 70 ways are as low or lower.
  it('of an overlap counts the ways that are as far apart', () => {
    expect(rankSumP([1.1, 2.2, 3.3, 4.4], [2.5, 3.5, 4.5, 5.5])).toBeCloseTo(2 * (7 / 70));
  });

  it('of equal samples gives one', () => {
    expect(rankSumP([3, 3, 3], [3, 3, 3])).toBe(1);
  });

  it('can handle the maximum number of repetitions', () => {
    const before = Array.from({ length: 50 }, (_, at) => at);
    expect(
      rankSumP(
        before,
        before.map((each) => each + 0.5),
      ),
    ).toBeGreaterThan(0.5);
  });
});

describe('a difference', () => {
  it.each([
    ['all of five are faster', [10, 11, 12, 13, 14], [5, 6, 7, 8, 9], 'beyond'],
    ['one of five overlaps', [10, 11, 12, 13, 14], [5, 6, 7, 8, 10.5], 'within'],
    ['nothing changed', [10, 11, 12, 13, 14], [10, 11, 12, 13, 14], 'within'],
    ['there are only four samples each', [10, 11, 12, 13], [1, 2, 3, 4], 'unknown'],
    ['one side is empty', [], [1, 2, 3, 4, 5], 'unknown'],
  ])('when %s is "%s"', (_, before, after, verdict) => {
    expect(compareSamples(before, after)).toBe(verdict);
  });

  it('of noise alone is reported in fewer than one of fifty comparisons', () => {
    let state = 7;
    const noise = () => {
      state = (1103515245 * state + 12345) % 2 ** 31;
      return state / 2 ** 31;
    };
    const samples = () => Array.from({ length: 8 }, noise);
    const claims = Array.from({ length: 1000 }, () => compareSamples(samples(), samples()));
    expect(claims.filter((verdict) => verdict === 'beyond').length).toBeLessThan(20);
  });
});

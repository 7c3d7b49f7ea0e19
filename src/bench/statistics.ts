/** Statistics of a few repeated measurements. Pure. */

/** In the unit of the samples. */
export interface Summary {
  median: number;
  /** By nearest rank: the largest of fewer than 20 samples. */
  p95: number;
  min: number;
  max: number;
}

/** @param samples at least one. */
export function summarise(samples: readonly number[]): Summary {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (index: number) => sorted[index] ?? Number.NaN;
  const middle = (sorted.length - 1) / 2;
  return {
    median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2,
    p95: at(Math.ceil(0.95 * sorted.length) - 1),
    min: at(0),
    max: at(sorted.length - 1),
  };
}

/** A difference counts if chance alone would produce one as large in fewer than one comparison in a hundred. */
const SIGNIFICANCE = 0.01;

/** `unknown`: too few samples; not even complete separation would be significant. */
export type ChangeSignificance = 'beyond' | 'within' | 'unknown';

/**
 * Whether two sets of samples differ beyond the noise, by the exact rank-sum test (Wilcoxon, Mann and Whitney). The test
 * assumes no distribution of the noise and is robust against one slow outlier. A report has a dozen or more scenarios, hence
 * one in a hundred and not one in twenty. With five repetitions each, all of one side must be beyond all of the other. A
 * change of the machine between the two reports is not noise for this test.
 */
export function compareSamples(before: readonly number[], after: readonly number[]): ChangeSignificance {
  const leastP = 2 / combinations(before.length + after.length, before.length);
  if (before.length === 0 || after.length === 0 || leastP >= SIGNIFICANCE) return 'unknown';
  return rankSumP(before, after) < SIGNIFICANCE ? 'beyond' : 'within';
}

/** Two-sided p of the exact rank-sum test. */
export function rankSumP(before: readonly number[], after: readonly number[]): number {
  const ranks = doubledRanks([...before, ...after]);
  const sum = (values: readonly number[]) => values.reduce((total, each) => total + each, 0);
  const expected = (sum(ranks) * before.length) / ranks.length;
  const observed = Math.abs(sum(ranks.slice(0, before.length)) - expected);
  const ways = waysBySum(ranks, before.length);
  let asFar = 0;
  let all = 0;
  for (const [rankSum, count = 0] of ways.entries()) {
    all += count;
    if (Math.abs(rankSum - expected) >= observed) asFar += count;
  }
  return asFar / all;
}

/** Doubled ranks are whole numbers even for equal samples, which share their mean rank. */
function doubledRanks(samples: readonly number[]): number[] {
  return samples.map((sample) => {
    const below = samples.filter((other) => other < sample).length;
    const equal = samples.filter((other) => other === sample).length;
    return 2 * below + equal + 1;
  });
}

/** The number of ways in which `size` of the ranks have each sum. */
function waysBySum(ranks: readonly number[], size: number): number[] {
  const ways: number[][] = Array.from({ length: size + 1 }, () => []);
  (ways[0] as number[])[0] = 1;
  for (const rank of ranks) {
    for (let taken = size; taken >= 1; taken--) {
      const fewer = ways[taken - 1] ?? [];
      const now = ways[taken] ?? [];
      for (let sum = 0; sum < fewer.length; sum++) {
        const more = fewer[sum] ?? 0;
        if (more > 0) now[sum + rank] = (now[sum + rank] ?? 0) + more;
      }
    }
  }
  return Array.from(ways[size] ?? [], (count) => count ?? 0);
}

/** The number of ways to choose `size` of `all`. */
function combinations(all: number, size: number): number {
  let ways = 1;
  for (let taken = 1; taken <= size; taken++) ways = (ways * (all - size + taken)) / taken;
  return ways;
}

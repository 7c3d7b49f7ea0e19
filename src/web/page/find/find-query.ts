/** What the find view searches for, as its address keeps it. Pure. */

/** Labels with a lower score do not count. */
export const MIN_SCORES = ['0', '0.5', '0.8'] as const;
export type MinScore = (typeof MIN_SCORES)[number];

export interface FindQuery {
  words: string;
  minScore: MinScore;
}

/** An address may have been cut off or changed by hand. */
export function findQueryOf(query: URLSearchParams): FindQuery {
  const min = query.get('min');
  return {
    words: (query.get('q') ?? '').trim(),
    minScore: MIN_SCORES.find((score) => score === min) ?? '0',
  };
}

/** The request for a page of what is found, below `v1/`. @param from how many photos to skip */
export function findPath({ words, minScore }: FindQuery, from: number): string {
  const query = new URLSearchParams({ q: words });
  if (minScore !== '0') query.set('minScore', minScore);
  if (from > 0) query.set('from', String(from));
  return `find?${query}`;
}

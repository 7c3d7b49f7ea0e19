import {
  DamagedIndexError,
  type IndexedLabel,
  type PiecePlace,
  type SearchIndex,
} from '../../core/cloud/search-index.ts';
import { type Hit, Hits } from './hits.ts';
import { labelKey } from './label-numbers.ts';
import { parseRecords, type Records } from './piece.ts';
import type { Place } from './place.ts';
import { readTexts } from './read-texts.ts';

export interface Query {
  isWanted(label: IndexedLabel): boolean;
  /** Labels with a lower score do not count. */
  minScore: number;
  /** Which jobs are searched: others count as if they did not exist. */
  isSearched(job: string): boolean;
}

/** A photograph with a label that was searched for. */
export interface FoundPhotograph {
  place: Place;
  label: IndexedLabel;
  score: number;
  /** The best label of the photograph, whatever was searched for. */
  best: IndexedLabel;
  job: string;
  /** In the job. */
  index: number;
}

/**
 * The photographs whose newest prediction has a wanted label, those with the highest scores first.
 * @param atOnce how many of them the caller is likely to take.
 */
export async function* findPhotographs(
  search: SearchIndex,
  query: Query,
  { atOnce, signal }: { atOnce: number; signal?: AbortSignal | undefined },
): AsyncGenerator<FoundPhotograph> {
  const hits = await findHits(search, query, signal);
  yield* photographsOf(search, hits.byScore(), { atOnce, signal });
}

/** Reads where these are. Those whose job was deleted meanwhile are missing. */
export async function* photographsOf(
  search: SearchIndex,
  hits: Iterable<Hit>,
  { atOnce, signal }: { atOnce: number; signal?: AbortSignal | undefined },
): AsyncGenerator<FoundPhotograph> {
  for (const some of growingChunks(hits, atOnce)) {
    signal?.throwIfAborted();
    const texts = await readTexts(search, some);
    for (const hit of some) {
      const text = texts.get(hit);
      if (text === undefined) continue;
      const { place, index } = text;
      yield { place, label: hit.label, score: hit.score, best: hit.best, job: hit.piece.job, index };
    }
  }
}

/** Each is twice as long: a caller who takes more than it said, as many files are gone, is likely to take all. */
function* growingChunks<T>(all: Iterable<T>, first: number): Generator<T[]> {
  let size = first;
  let chunk: T[] = [];
  for (const each of all) {
    chunk.push(each);
    if (chunk.length < size) continue;
    yield chunk;
    chunk = [];
    size *= 2;
  }
  if (chunk.length > 0) yield chunk;
}

/** What was found, by numbers alone. */
export async function findHits(
  search: SearchIndex,
  query: Query,
  signal: AbortSignal | undefined,
): Promise<Hits> {
  const hits = new Hits();
  const wantedOf = wantedLabels(await search.labels(), query.isWanted);
  for await (const { records, ...piece } of search.records(signal)) {
    const wanted = wantedOf(piece.job);
    if (wanted === undefined || !query.isSearched(piece.job)) continue;
    const parsed = parseRecords(records);
    hits.dropOlder(piece.job, parsed.photographs);
    addHits(hits, { piece, ...parsed }, wanted, query.minScore);
  }
  return hits;
}

interface Wanted {
  /** All labels of a job, by their numbers. */
  labels: readonly IndexedLabel[];
  isWanted: readonly boolean[];
}

/** @returns what is wanted of a job; undefined while the job is being deleted. */
function wantedLabels(
  labels: ReadonlyMap<string, readonly IndexedLabel[]>,
  isWanted: Query['isWanted'],
): (job: string) => Wanted | undefined {
  const known = new Map<string, boolean>();
  const isKnownWanted = (label: IndexedLabel): boolean => {
    const key = labelKey(label);
    const answer = known.get(key) ?? isWanted(label);
    known.set(key, answer);
    return answer;
  };
  const ofJobs = new Map<string, Wanted>();
  return (job) => {
    const own = labels.get(job);
    if (own !== undefined && !ofJobs.has(job))
      ofJobs.set(job, { labels: own, isWanted: own.map(isKnownWanted) });
    return ofJobs.get(job);
  };
}

function addHits(
  hits: Hits,
  { piece, photographs, ofPhotograph, labels: numbers, scores }: { piece: PiecePlace } & Records,
  { labels, isWanted }: Wanted,
  minScore: number,
): void {
  let last = -1;
  let bestNumber = 0;
  // Millions of records: an iterator would take five times as long.
  for (let record = 0; record < numbers.length; record++) {
    const number = numbers[record] ?? 0;
    if (number >= labels.length) throw new DamagedIndexError();
    const at = ofPhotograph[record] ?? 0;
    // The best label of a photograph comes first.
    if (at !== last) bestNumber = number;
    last = at;
    const score = scores[record] ?? 0;
    if (!isWanted[number] || score < minScore) continue;
    const photograph = photographs[at];
    const [label, best] = [labels[number], labels[bestNumber]];
    if (photograph === undefined || label === undefined || best === undefined) throw new DamagedIndexError();
    hits.add(photograph, { piece, at, label, score, best });
  }
}

import { Readable } from 'node:stream';
import type { Store } from '../../core/cloud/ports.ts';
import type { Piece, SearchIndex } from '../../core/cloud/search-index.ts';
import type { JobRecord, ManifestEntry } from '../../core/job/job.ts';
import { isDropJob } from '../../core/job/job-ids.ts';
import { readJobVersion } from '../../core/job/job-record.ts';
import type { ShardRange } from '../../core/job/keys.ts';
import { readManifest } from '../../core/job/manifest.ts';
import { findShard, listShards, type Shard } from '../../core/job/shard.ts';

import { isError, type Prediction } from '../../core/model/outcome.ts';
import { type ImgclsError, isUnreadable, ObjectMissingError } from '../../core/runtime/errors.ts';
import { GUESS_BELOW } from '../../core/text/warning-text.ts';
import { listJobIds } from '../../results/job-list.ts';
import { listAttempts } from '../../results/ledger.ts';
import { LabelNumbers } from './label-numbers.ts';
import { formatDigests, formatRecords, formatTexts, type IndexedPhotograph } from './piece.ts';
import { placeNumber, placeOf } from './place.ts';

/** Images of a piece. More are fewer rows to search; fewer are less to read of a single photograph that was found. */
const PIECE_IMAGES = 512;
/** Shards read at a time. */
const CONCURRENCY = 8;

export interface IndexingOptions {
  signal?: AbortSignal | undefined;
  /** Called with the number of images that were added so far. */
  onProgress?(images: number): void;
  /** Called with a job that cannot be read, and is not searched. */
  onUnreadable?(job: string, error: ImgclsError): void;
}

/** Adds what is new in the ledger to the index: of most jobs nothing is read. */
export async function indexLedger(
  { output, search }: { output: Store; search: SearchIndex },
  { signal, onProgress, onUnreadable }: IndexingOptions = {},
): Promise<void> {
  const complete = await search.completeJobs();
  let images = 0;
  for (const id of await listJobIds(output, signal)) {
    // On one machine nothing is dropped.
    if (complete.has(id) || isDropJob(id)) continue;
    try {
      while (!(await indexJob(id, { output, search, signal, onAdded })));
    } catch (error) {
      if (error instanceof ObjectMissingError) continue;
      if (!isUnreadable(error)) throw error;
      onUnreadable?.(id, error);
    }
  }
  function onAdded(added: number): void {
    images += added;
    onProgress?.(images);
  }
}

interface JobOptions {
  output: Store;
  search: SearchIndex;
  signal: AbortSignal | undefined;
  onAdded(images: number): void;
}

/** @returns false if another process has indexed outcomes of the job meanwhile. */
async function indexJob(id: string, { output, search, signal, onAdded }: JobOptions): Promise<boolean> {
  const { etag, record } = await readJobVersion(output, id, signal);
  const { labels: known, ranges } = await search.job(id);
  const labels = new LabelNumbers(known);
  for (const attempt of await listAttempts(output, id, signal)) {
    const covered = ranges.filter((range) => range.attempt === attempt);
    const all = await Array.fromAsync(listShards(output, id, { attempt, signal }));
    const shards = all.filter(
      ({ first, last }) => !covered.some((own) => own.first <= first && last <= own.last),
    );
    const manifest = readManifest(output, { job: id, attempt }, shards, signal);
    for (const group of groupsOf(shards)) {
      const before = [...labels.all];
      const photographs = await readGroup(group, { record, output, manifest, labels, signal });
      const piece = pieceOf(id, group, photographs);
      if (!(await search.add(piece, before, labels.all.slice(before.length)))) return false;
      onAdded(photographs.length);
    }
  }
  // Of other jobs more outcomes may come.
  if (record.state === 'finished') await search.setComplete(id, etag);
  return true;
}

/** Consecutive shards, of which one piece is made. */
function* groupsOf(shards: readonly ShardRange[]): Generator<ShardRange[]> {
  let group: ShardRange[] = [];
  let [images, next] = [0, 0];
  for (const shard of shards) {
    if (group.length > 0 && (shard.first > next || images >= PIECE_IMAGES)) {
      yield group;
      [group, images] = [[], 0];
    }
    group.push(shard);
    images += shard.last - shard.first + 1;
    next = shard.last + 1;
  }
  if (group.length > 0) yield group;
}

function pieceOf(
  job: string,
  group: readonly ShardRange[],
  photographs: readonly IndexedPhotograph[],
): Piece {
  const firstShard = group[0] as ShardRange;
  return {
    job,
    firstShard,
    last: Math.max(...group.map(({ last }) => last)),
    records: formatRecords(photographs),
    texts: formatTexts(photographs),
    digests: formatDigests(photographs),
  };
}

interface Reading {
  record: JobRecord;
  output: Store;
  /** The entries of the images of all shards, in their order. */
  manifest: AsyncGenerator<ManifestEntry[]>;
  labels: LabelNumbers;
  signal: AbortSignal | undefined;
}

async function readGroup(
  group: readonly ShardRange[],
  { record, output, manifest, labels, signal }: Reading,
): Promise<IndexedPhotograph[]> {
  const photographs: IndexedPhotograph[] = [];
  const read = async (range: ShardRange): Promise<Shard> =>
    (await findShard(output, record.id, range, signal)) ?? { range };
  const shards = Readable.from(group).map(read, { concurrency: CONCURRENCY, ...(signal && { signal }) });
  // One that cannot be read, or was deleted, has no photographs.
  for await (const { range, outcomes = [] } of shards as AsyncIterable<Shard>) {
    const entries = await entriesOf(range, manifest);
    for (const [at, outcome] of outcomes.entries()) {
      const entry = entries[at];
      if (entry === undefined || isError(outcome)) continue;
      photographs.push(indexed(entry, outcome, { record, labels }));
    }
  }
  return photographs;
}

/** The next entries of the manifest: those of one shard. */
async function entriesOf(
  { first, last }: ShardRange,
  manifest: AsyncGenerator<ManifestEntry[]>,
): Promise<ManifestEntry[]> {
  const entries: ManifestEntry[] = [];
  while (entries.length <= last - first) {
    const { value, done } = await manifest.next();
    if (done === true) break;
    entries.push(...value);
  }
  return entries;
}

function indexed(
  entry: ManifestEntry,
  { labels: scored, category }: Prediction,
  { record, labels }: Pick<Reading, 'record' | 'labels'>,
): IndexedPhotograph {
  const place = placeOf(record, entry);
  const sha256 = isError(entry) ? undefined : entry.sha256;
  const certain = scored.filter(({ score }, rank) => rank === 0 || score >= GUESS_BELOW);
  const categories = category === undefined ? [] : [{ label: category.name, score: category.score }];
  return {
    place,
    index: entry.index,
    number: placeNumber(place, { job: record.id, index: entry.index, sha256 }),
    bytes: entry.bytes,
    sha256,
    labels: [...certain, ...categories].map(({ score, ...label }) => ({
      label: labels.numberOf(label),
      score,
    })),
  };
}

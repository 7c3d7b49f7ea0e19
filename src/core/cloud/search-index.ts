import type { ShardRange } from '../job/keys.ts';
import { ImgclsError } from '../runtime/errors.ts';

/** A class of a model, or a category, which has no WordNet id. */
export interface IndexedLabel {
  label: string;
  wnid?: string | undefined;
}

/** Which outcomes a piece of the index is made from. */
export interface PiecePlace {
  job: string;
  firstShard: ShardRange;
  /** The last image of the last shard. */
  last: number;
}

/** The predictions of consecutive shards, in the form in which they are searched. */
export interface Piece extends PiecePlace {
  /** Files, labels and scores: numbers, which every search reads. */
  records: Uint8Array;
  /** Paths and sizes, which are read of what was found. */
  texts: Uint8Array;
  /** The contents of the files, to compare them. */
  digests: Uint8Array;
}

/** What an index has of a job. */
export interface IndexedJob {
  /** The labels, by their numbers in the records. */
  labels: readonly IndexedLabel[];
  ranges: readonly ShardRange[];
}

/**
 * An index of predictions by label. It holds nothing that the ledger has not, and can be made again. A piece goes with the
 * first of its shards, and what is known of a job with its record: when a job is deleted nothing of it remains.
 */
export interface SearchIndex {
  /** Jobs that are in here completely, and whose records are as they were then. */
  completeJobs(): Promise<ReadonlySet<string>>;
  /** Empty for a job that is not in here. */
  job(id: string): Promise<IndexedJob>;
  /** The labels of each job. */
  labels(): Promise<ReadonlyMap<string, readonly IndexedLabel[]>>;
  /**
   * Adds a piece of a job that exists, and labels behind those of the job.
   * @param before the labels that the job had in here.
   * @returns false if another process has changed what is in here of the job. Nothing was added.
   */
  add(piece: Piece, before: readonly IndexedLabel[], added: readonly IndexedLabel[]): Promise<boolean>;
  /** Records that the job is in here completely, unless its record has changed since it had this etag. */
  setComplete(id: string, etag: string): Promise<void>;
  /** All pieces, those of the oldest job first. */
  records(signal?: AbortSignal): AsyncIterable<PiecePlace & Pick<Piece, 'records'>>;
  /** The rest of a piece. Undefined if it was deleted meanwhile. */
  rest(place: PiecePlace): Promise<Pick<Piece, 'texts' | 'digests'> | undefined>;
  clear(signal?: AbortSignal): Promise<void>;
}

/** The index is not as imgcls wrote it. It can be made again. */
export class DamagedIndexError extends ImgclsError {
  constructor() {
    super('permanent', 'The search index is damaged.', {
      hint: 'Run "imgcls find --rebuild" to make it again.',
    });
  }
}

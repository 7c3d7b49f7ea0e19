import { Readable } from 'node:stream';
import { parseShardKey, resultsPrefix, type ShardRange, shardKey } from '../core/keys.ts';
import { FIRST_ATTEMPT, LAST_ATTEMPT, MAX_BATCH } from '../core/messages.ts';
import type { Outcome } from '../core/outcome.ts';
import type { Store } from '../core/ports.ts';
import { parseShard } from '../core/shard.ts';
import { better, type RankedOutcome } from './tally.ts';

/** Shards read ahead while a ledger is streamed. */
const READ_AHEAD = 8;

/** The shards of a job, attempt by attempt, in index order within one; `after` leaves out those up to its key. */
export async function* listShards(
  output: Store,
  job: string,
  { after, signal }: { after?: ShardRange; signal?: AbortSignal } = {},
): AsyncGenerator<ShardRange> {
  const options = {
    ...(after !== undefined && { startAfter: shardKey(job, after) }),
    ...(signal !== undefined && { signal }),
  };
  for await (const { key } of output.list(resultsPrefix(job), options)) {
    const range = parseShardKey(key);
    if (range !== undefined) yield range;
  }
}

/** Sorts after every shard of its attempt. */
const AFTER_ALL = 999_999_999;

/**
 * The shards that may hold one of the images `first` to `last`, of every attempt; others may be among them.
 * Skips over the rest of the ledger, however long it is.
 */
export async function* listShardsNear(
  output: Store,
  job: string,
  { first, last }: Omit<ShardRange, 'attempt'>,
  signal?: AbortSignal,
): AsyncGenerator<ShardRange> {
  const from = first - MAX_BATCH;
  for (let attempt = FIRST_ATTEMPT; attempt <= LAST_ATTEMPT; ) {
    const after: ShardRange =
      from > 0
        ? { attempt, first: from, last: 0 }
        : { attempt: attempt - 1, first: AFTER_ALL, last: AFTER_ALL };
    let next = Number.POSITIVE_INFINITY;
    for await (const range of listShards(output, job, { after, ...(signal && { signal }) })) {
      if (range.attempt > attempt || range.first > last) {
        next = Math.max(range.attempt, attempt + 1);
        break;
      }
      yield range;
    }
    attempt = next;
  }
}

/** @throws {ObjectMissingError} @throws {PoisonError} when the shard does not hold its range, one outcome an image. */
export async function readShard(
  output: Store,
  job: string,
  range: ShardRange,
  signal?: AbortSignal,
): Promise<Outcome[]> {
  const key = shardKey(job, range);
  const { body } = await output.get(key, signal === undefined ? {} : { signal });
  return parseShard(body, key, range);
}

/**
 * The outcomes that a job has so far, in input order, each image once, merged over attempts and overlapping shards.
 * Memory holds the shards' ranges and the few shards around the current index.
 */
export async function* readOutcomes(
  output: Store,
  job: string,
  signal?: AbortSignal,
): AsyncGenerator<Outcome> {
  const ranges: ShardRange[] = [];
  for await (const range of listShards(output, job, signal && { signal })) ranges.push(range);
  ranges.sort((a, b) => a.first - b.first || a.last - b.last);

  const loaded = Readable.from(ranges).map(
    async (range: ShardRange) => ({ range, outcomes: await readShard(output, job, range, signal) }),
    { concurrency: READ_AHEAD, ...(signal && { signal }) },
  ) as AsyncIterable<{ range: ShardRange; outcomes: Outcome[] }>;

  /** The best outcome known of each index that a later shard may still add to. */
  const open = new Map<number, RankedOutcome>();
  let next = 0;
  function* upTo(end: number): Generator<Outcome> {
    for (; next < end && open.size > 0; next++) {
      const found = open.get(next);
      if (found === undefined) continue;
      open.delete(next);
      yield found.outcome;
    }
    next = Math.max(next, end);
  }
  for await (const { range, outcomes } of loaded) {
    yield* upTo(range.first);
    for (const outcome of outcomes) {
      const other = open.get(outcome.index);
      const ranked = { range, outcome };
      open.set(outcome.index, other === undefined ? ranked : better(other, ranked));
    }
  }
  yield* upTo(Number.POSITIVE_INFINITY);
}

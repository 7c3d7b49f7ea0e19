import { Readable } from 'node:stream';
import type { Store } from '../core/cloud/ports.ts';
import type { IndexRange } from '../core/job/index-ranges.ts';
import { resultsPrefix, type ShardRange } from '../core/job/keys.ts';
import { listShards } from '../core/job/shard.ts';
import type { Outcome } from '../core/model/outcome.ts';
import { shardOutcomes } from './shard-outcomes.ts';
import { better, type RankedOutcome } from './tally.ts';

/** Shards read at once while a ledger is streamed, some MB. Where a read takes 25 ms, a million images take 12 s. */
const READ_AHEAD = 32;

/** The attempts of a job that have a shard, in order. */
export async function listAttempts(output: Store, job: string, signal?: AbortSignal): Promise<number[]> {
  const folders = await Array.fromAsync(output.listFolders(resultsPrefix(job), signal));
  return folders.map(Number);
}

export interface ReadOptions {
  /** The attempts to read; default: all. */
  attempts?: readonly number[];
  /** Skips images before this one, without listing their shards. */
  from?: number;
  /** Whether to read the shard of this range. */
  isWanted?(range: ShardRange): boolean;
  signal?: AbortSignal | undefined;
}

/**
 * The outcomes that a job has so far, in input order, one per image, merged over attempts and overlapping shards.
 * Memory holds only the few shards around the current index.
 */
export async function* readOutcomes(
  output: Store,
  job: string,
  { attempts, from = 0, isWanted = () => true, signal }: ReadOptions = {},
): AsyncGenerator<Outcome> {
  const lists = (attempts ?? (await listAttempts(output, job, signal))).map((attempt) =>
    listShards(output, job, { attempt, from, signal }),
  );
  const loaded = Readable.from(inIndexOrder(lists))
    .filter((range: ShardRange) => range.last >= from && isWanted(range))
    .map(
      async (range: ShardRange) => ({ range, outcomes: await shardOutcomes(output, job, range, signal) }),
      {
        concurrency: READ_AHEAD,
        ...(signal && { signal }),
      },
    ) as AsyncIterable<{ range: ShardRange; outcomes: Outcome[] }>;
  /** The best known outcome of each index that a later shard may also contain. */
  const open = new Map<number, RankedOutcome>();
  let next = from;
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
      if (outcome.index < from) continue;
      const other = open.get(outcome.index);
      const ranked = { range, outcome };
      open.set(outcome.index, other === undefined ? ranked : better(other, ranked));
    }
  }
  yield* upTo(Number.POSITIVE_INFINITY);
}

/** Merges lists that are each in index order. */
async function* inIndexOrder<T extends IndexRange>(lists: readonly AsyncGenerator<T>[]): AsyncGenerator<T> {
  const heads = await Promise.all(lists.map(async (list) => ({ list, head: await list.next() })));
  for (;;) {
    let earliest: (typeof heads)[number] | undefined;
    for (const each of heads) {
      if (each.head.done === true) continue;
      if (earliest === undefined || each.head.value.first < earliest.head.value.first) earliest = each;
    }
    if (earliest === undefined) return;
    yield earliest.head.value;
    earliest.head = await earliest.list.next();
  }
}

import type { Cloud, Queue } from '../core/cloud/ports.ts';
import { FIRST_ATTEMPT, type JobRecord } from '../core/job/job.ts';
import { finishJob, readJob } from '../core/job/job-record.ts';
import { listShards } from '../core/job/shard.ts';
import { isError, type Outcome } from '../core/model/outcome.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { IdleDeadLetterDrain } from './idle-dead-letter-drain.ts';
import { readShard } from './ledger.ts';
import { ResponseListener } from './responses.ts';
import { type KnownShard, Tally } from './tally.ts';

/** How far a job is, as its waiter sees it. */
export interface FollowProgress {
  /** Images with an outcome. */
  done: number;
  /** How many of them had it already when the wait began. */
  before: number;
  /** Images with an error outcome among those already given out. */
  errors: number;
  /** Undefined while the submitter still reads its inputs. */
  total: number | undefined;
}

export interface FollowOptions {
  /** One that waits faults of the world out (core/cloud/retrying-cloud.ts). */
  cloud: Cloud;
  jobId: string;
  /** The waiter's response queue; without one the ledger alone is followed. */
  responses?: Queue;
  /** Aborts when the job's total became known, where the waiter can tell. */
  sealed?: AbortSignal;
  clock: Clock;
  onProgress?(progress: FollowProgress): void;
  signal?: AbortSignal;
}

/** Shards that are given out while the ledger is still being listed, so that a long one is never in memory whole. */
const LISTED_AT_A_TIME = 256;

/**
 * The outcomes of a job's first attempt in input order, each once, as soon as all before it are there; ends when the job
 * is finished or cancelled. Responses say which shards are there; the ledger is the truth and is listed when they are quiet.
 * @throws the signal's reason when it aborts, and what waiting cannot help; the job itself goes on.
 */
export async function* follow(options: FollowOptions): AsyncGenerator<Outcome> {
  const { cloud, jobId, sealed, signal } = options;
  const tally = new Tally();
  let errors = 0;
  let before = 0;
  let record = await readJob(cloud.output, jobId, signal);
  const report = () => options.onProgress?.({ done: tally.covered, before, errors, total: record.total });
  const isOver = () => record.state === 'cancelled' || tally.frontier === record.total;

  async function* ready(): AsyncGenerator<Outcome> {
    for (let shard = tally.take(); shard !== undefined; shard = tally.take()) {
      for (const outcome of await outcomesOf(shard, options)) {
        if (isError(outcome)) errors++;
        yield outcome;
      }
    }
  }
  async function* listed(): AsyncGenerator<Outcome> {
    const place = { attempt: FIRST_ATTEMPT, from: tally.frontier, signal };
    let shards = 0;
    for await (const range of listShards(cloud.output, jobId, place)) {
      tally.add(range);
      if (++shards % LISTED_AT_A_TIME === 0) yield* ready();
    }
    yield* ready();
  }

  const listener = new ResponseListener(options.responses, options.clock);
  const deadLetters = new IdleDeadLetterDrain(options);
  const close = () => listener.close();
  signal?.addEventListener('abort', close, { once: true });
  try {
    yield* listed();
    before = tally.covered;
    while (!isOver()) {
      signal?.throwIfAborted();
      const wake = record.total === undefined ? sealed : undefined;
      const responses = await listener.receive(wake);
      for (const { job, outcomes, ...range } of responses)
        if (job === jobId && range.attempt === FIRST_ATTEMPT) tally.add(range, outcomes);
      if (responses.length > 0) deadLetters.noteResponse();
      if (wake?.aborted === true) record = await readJob(cloud.output, jobId, signal);
      else if (responses.length === 0) {
        await deadLetters.drainIfIdle();
        record = await readJob(cloud.output, jobId, signal);
        yield* listed();
      }
      report();
      yield* ready();
    }
  } finally {
    signal?.removeEventListener('abort', close);
    close();
  }
  report();
  await finish(options, record);
}

/** Every image was seen to have an outcome. */
export async function finish({ cloud, clock }: FollowOptions, record: JobRecord): Promise<void> {
  if (record.state === 'sealed') await finishJob(cloud.output, record, clock.nowMs());
}

async function outcomesOf(
  shard: KnownShard,
  { cloud, jobId, signal }: FollowOptions,
): Promise<readonly Outcome[]> {
  const outcomes = shard.outcomes ?? (await readShard(cloud.output, jobId, shard.range, signal));
  return shard.from === shard.range.first ? outcomes : outcomes.filter(({ index }) => index >= shard.from);
}

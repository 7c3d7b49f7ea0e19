import { backoffMs } from '../core/backoff.ts';
import type { Clock } from '../core/clock.ts';
import { isTransient } from '../core/errors.ts';
import { finishJob, readJob } from '../core/job-record.ts';
import { FIRST_ATTEMPT, MAX_BATCH } from '../core/messages.ts';
import { isError, type Outcome } from '../core/outcome.ts';
import type { Cloud, Queue } from '../core/ports.ts';
import { listShards, readShard } from './ledger.ts';
import { QuietDrain } from './quiet-drain.ts';
import { ResponseListener } from './responses.ts';
import { type KnownShard, Tally } from './tally.ts';

/** How far a job is, as its waiter sees it. */
export interface FollowProgress {
  /** Images with an outcome. */
  done: number;
  /** Images with an error outcome among those already given out. */
  errors: number;
  /** Undefined while the submitter still reads its inputs. */
  total: number | undefined;
}

export interface FollowOptions {
  cloud: Cloud;
  jobId: string;
  /** The waiter's response queue; without one the ledger alone is followed. */
  responses?: Queue;
  /** Aborts when the job's total became known, where the waiter can tell. */
  sealed?: AbortSignal;
  clock: Clock;
  random(): number;
  onProgress?(progress: FollowProgress): void;
  /** Told of every fault that is waited out. */
  onTransient?(error: unknown): void;
  signal?: AbortSignal;
}

/**
 * The outcomes of a job in input order, each once, as soon as all before it are there; ends when the job is finished
 * or cancelled. Responses say which shards are there; the ledger is the truth and is listed when they are quiet.
 * Faults of the world are waited out.
 * @throws the signal's reason when it aborts, and what waiting cannot help; the job itself goes on.
 */
export async function* follow(options: FollowOptions): AsyncGenerator<Outcome> {
  const { cloud, jobId, sealed, signal } = options;
  const tally = new Tally();
  let errors = 0;
  let record = await retrying(options, () => readJob(cloud.output, jobId, signal));
  const report = () => options.onProgress?.({ done: tally.covered, errors, total: record.total });
  const refresh = async () => {
    record = await retrying(options, () => readJob(cloud.output, jobId, signal));
  };
  const isOver = () => record.state === 'cancelled' || tally.frontier === record.total;

  async function* ready(): AsyncGenerator<Outcome> {
    for (let shard = tally.take(); shard !== undefined; shard = tally.take()) {
      for (const outcome of await retrying(options, () => outcomesOf(shard, options))) {
        if (isError(outcome)) errors++;
        yield outcome;
      }
    }
  }

  const listener = new ResponseListener(options.responses, options.clock);
  const deadLetters = new QuietDrain(options);
  const close = () => listener.close();
  signal?.addEventListener('abort', close, { once: true });
  try {
    if (options.responses === undefined) {
      await retrying(options, () => relist(options, tally));
      yield* ready();
    }
    while (!isOver()) {
      const wake = record.total === undefined ? sealed : undefined;
      const responses = await retrying(options, () => listener.hear(wake));
      for (const response of responses) if (response.job === jobId) tally.add(response, response.outcomes);
      if (responses.length > 0) deadLetters.heard();
      if (wake?.aborted === true) await refresh();
      else if (responses.length === 0) {
        await deadLetters.nothingHeard();
        await refresh();
        await retrying(options, () => relist(options, tally));
      }
      report();
      yield* ready();
    }
  } finally {
    signal?.removeEventListener('abort', close);
    close();
  }
  report();
  if (record.state === 'sealed') await retrying(options, () => finishJob(cloud.output, jobId));
}

/** Shards reach at most one batch behind the frontier; older ones were taken. */
async function relist({ cloud, jobId, signal }: FollowOptions, tally: Tally): Promise<void> {
  const first = tally.frontier - MAX_BATCH;
  const after = first > 0 ? { after: { attempt: FIRST_ATTEMPT, first, last: 0 } } : {};
  for await (const range of listShards(cloud.output, jobId, { ...after, ...(signal && { signal }) }))
    tally.add(range);
}

async function outcomesOf(
  shard: KnownShard,
  { cloud, jobId, signal }: FollowOptions,
): Promise<readonly Outcome[]> {
  const outcomes = shard.outcomes ?? (await readShard(cloud.output, jobId, shard.range, signal));
  return shard.from === shard.range.first ? outcomes : outcomes.filter(({ index }) => index >= shard.from);
}

/** Waits transient faults out, for as long as its caller waits. */
async function retrying<T>(options: FollowOptions, act: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    options.signal?.throwIfAborted();
    try {
      return await act();
    } catch (error) {
      if (!isTransient(error)) throw error;
      options.onTransient?.(error);
      await options.clock.sleep(backoffMs(tries, options.random()), options.signal);
    }
  }
}

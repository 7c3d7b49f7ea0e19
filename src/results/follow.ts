import type { Cloud, Queue } from '../core/cloud/ports.ts';
import { FIRST_ATTEMPT, type JobRecord } from '../core/job/job.ts';
import { finishJob, readJob } from '../core/job/job-record.ts';
import { listShards } from '../core/job/shard.ts';
import { isError, type Outcome } from '../core/model/outcome.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { IdleDeadLetterDrain } from './idle-dead-letter-drain.ts';
import { ResponseListener } from './responses.ts';
import { shardOutcomes } from './shard-outcomes.ts';
import { type KnownShard, Tally } from './tally.ts';

/**
 * Progress of a job, for its waiter.
 *
 * @example
 * ```ts
 * import { createClient, type FollowProgress, type Job, type Skipped, type SubmitProgress } from 'imgcls';
 * import type { ImgclsClient, OutcomesOptions, RetryJob, Settings, WaitForOptions } from 'imgcls';
 *
 * const waiting: WaitForOptions = { onTransient: (error) => console.warn('Retrying after', error) };
 * const following: OutcomesOptions = {
 *   ...waiting,
 *   onProgress: ({ done, total, errors }: FollowProgress) => console.log(done, 'of', total ?? 'unknown', errors),
 * };
 * const failedAgain: Partial<RetryJob> = { isWanted: (index) => index < 100 };
 *
 * // Waits for a job, then retries its first hundred images if they failed.
 * async function finish(client: ImgclsClient, job: Job): Promise<void> {
 *   for await (const { name } of job.outcomes(following)) console.log(name);
 *   const again = await client.retry(job.id, failedAgain);
 *   for await (const { name } of again?.outcomes(following) ?? []) console.log(name);
 * }
 *
 * await using client = await createClient();
 * const { model }: Settings = client.settings;
 * console.log(model ?? 'the bundled model');
 * const job = await client.submit(['photos'], {
 *   onSkip: ({ source, reason }: Skipped) => console.warn(source, reason),
 *   onSubmitProgress: ({ announced, known }: SubmitProgress) => console.log(announced, known),
 * });
 * await finish(client, job);
 * ```
 */
export interface FollowProgress {
  /** Images with an outcome. */
  done: number;
  /** How many of them had one when the wait began. */
  before: number;
  /** Errors among the outcomes yielded so far. */
  errors: number;
  /** Undefined while the submitter is still reading its inputs. */
  total: number | undefined;
}

export interface FollowOptions {
  /** With retries (core/cloud/retrying-cloud.ts). */
  cloud: Cloud;
  jobId: string;
  /** The waiter's response queue. Without one, only the ledger is polled. */
  responses?: Queue;
  /** Aborts when some shards have no response. */
  exhausted?: AbortSignal;
  /** Aborts when the job's total is known, if the waiter can tell. */
  sealed?: AbortSignal;
  clock: Clock;
  onProgress?(progress: FollowProgress): void;
  signal?: AbortSignal;
}

/** Shards that are read at a time. */
const READ_AHEAD = 16;

/** Outcomes are yielded after this many listed shards, so that a long ledger is never in memory as a whole. */
const LISTED_AT_A_TIME = 256;

/**
 * Yields the outcomes of a job's first attempt in input order, each once, as soon as all before it are known. Ends when the
 * job is finished or cancelled. Responses tell which shards are written. The ledger is the source of truth and is listed
 * when no responses arrive, and again and again when not every shard has one.
 * @throws the signal's reason when it aborts, and errors that a retry cannot fix. The job itself continues.
 */
export async function* follow(options: FollowOptions): AsyncGenerator<Outcome> {
  const { cloud, jobId, sealed, signal } = options;
  const tally = new Tally();
  let errors = 0;
  let before = 0;
  let record = await readJob(cloud.output, jobId, signal);
  const report = () => options.onProgress?.({ done: tally.covered, before, errors, total: record.total });
  const isOver = () =>
    record.state === 'cancelled' || tally.frontier >= (record.total ?? Number.POSITIVE_INFINITY);

  async function* ready(): AsyncGenerator<Outcome> {
    for await (const outcome of takeOutcomes(tally, (shard) => outcomesOf(shard, options))) {
      if (isError(outcome)) errors++;
      yield outcome;
    }
  }
  async function* listed(): AsyncGenerator<Outcome> {
    const options = { attempt: FIRST_ATTEMPT, from: tally.frontier, signal };
    let shards = 0;
    for await (const range of listShards(cloud.output, jobId, options)) {
      tally.add(range);
      if (++shards % LISTED_AT_A_TIME === 0) yield* ready();
    }
    yield* ready();
  }

  const listener = new ResponseListener(options);
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
      else if (listener.mustList(responses)) {
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

/** The outcomes of the shards that the tally can give, in input order. Reads some shards ahead. */
async function* takeOutcomes(
  tally: Tally,
  read: (shard: KnownShard) => Promise<readonly Outcome[]>,
): AsyncGenerator<Outcome> {
  const reading: Promise<readonly Outcome[]>[] = [];
  const readAhead = () => {
    while (reading.length < READ_AHEAD) {
      const shard = tally.take();
      if (shard === undefined) return;
      const outcomes = read(shard);
      // A rejection is handled when this promise is awaited.
      outcomes.catch(() => {});
      reading.push(outcomes);
    }
  };
  for (readAhead(); reading.length > 0; readAhead()) yield* (await reading.shift()) ?? [];
}

/** Finishes the job. The caller has seen an outcome of every image. */
export async function finish({ cloud, clock }: FollowOptions, record: JobRecord): Promise<void> {
  if (record.state === 'sealed') await finishJob(cloud.output, record, clock.nowMs());
}

async function outcomesOf(
  shard: KnownShard,
  { cloud, jobId, signal }: FollowOptions,
): Promise<readonly Outcome[]> {
  const outcomes = shard.outcomes ?? (await shardOutcomes(cloud.output, jobId, shard.range, signal));
  return shard.from === shard.range.first ? outcomes : outcomes.filter(({ index }) => index >= shard.from);
}

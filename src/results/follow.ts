import { backoffMs } from '../core/backoff.ts';
import type { Clock } from '../core/clock.ts';
import { isTransient, QueueMissingError } from '../core/errors.ts';
import { finishJob, readJob } from '../core/job-record.ts';
import { FIRST_ATTEMPT, MAX_BATCH, parseResponse, type ResponseMessage } from '../core/messages.ts';
import { isError, type Outcome } from '../core/outcome.ts';
import type { Cloud, Queue } from '../core/ports.ts';
import { listShards, readShard } from './ledger.ts';
import { type KnownShard, Tally } from './tally.ts';

/** When no response came for so long, the ledger is listed: a response is a hint and may be lost. */
const QUIET_MS = 5000;
/** How often the ledger is listed by a waiter without a response queue. */
const POLL_MS = 1000;
/** Nobody else reads a waiter's own queue; the lease only has to outlast the acknowledgement. */
const RESPONSE_LEASE_MS = 60_000;

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

  if (options.responses === undefined) await retrying(options, () => relist(options, tally));
  while (!isOver()) {
    const heard = await hear(options, tally, record.total === undefined ? sealed : undefined);
    signal?.throwIfAborted();
    if (record.total === undefined && sealed?.aborted === true) await refresh();
    else if (!heard) {
      await refresh();
      await retrying(options, () => relist(options, tally));
    }
    report();
    for (let shard = tally.take(); shard !== undefined; shard = tally.take()) {
      for (const outcome of await retrying(options, () => outcomesOf(shard, options))) {
        if (isError(outcome)) errors++;
        yield outcome;
      }
    }
  }
  report();
  if (record.state === 'sealed') await retrying(options, () => finishJob(cloud.output, jobId));
}

/**
 * Adds what the response queue says, waiting a while for it.
 * @returns false when it said nothing.
 */
async function hear(options: FollowOptions, tally: Tally, wake: AbortSignal | undefined): Promise<boolean> {
  const { responses, clock, jobId, signal } = options;
  const signals = [signal, wake].filter((given) => given !== undefined);
  const woken = signals.length > 0 ? AbortSignal.any(signals) : undefined;
  if (responses === undefined) {
    await clock.sleep(POLL_MS, woken);
    return false;
  }
  const received = await retrying(options, async () => {
    try {
      const wait = { max: 10, waitMs: QUIET_MS, leaseMs: RESPONSE_LEASE_MS };
      return await responses.receive({ ...wait, ...(woken && { signal: woken }) });
    } catch (error) {
      // Somebody swept the queue away: the ledger has everything that it would have said.
      if (!(error instanceof QueueMissingError)) throw error;
      await clock.sleep(POLL_MS, woken);
      return [];
    }
  });
  for (const { body } of received) {
    const response = readResponse(body);
    if (response?.job === jobId) tally.add(response, response.outcomes);
  }
  if (received.length > 0)
    await retrying(options, () => responses.delete(received.map(({ receipt }) => receipt)));
  return received.length > 0;
}

/** A response that cannot be read is a hint that is lost; the ledger has the rest. */
function readResponse(body: string): ResponseMessage | undefined {
  try {
    return parseResponse(body);
  } catch {
    return undefined;
  }
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

/**
 * One batch's life: parse, look whether it is still wanted or already done, download and classify, write the shard,
 * answer, and only then delete the message.
 *
 * Errors of an image are outcomes. Errors of the world leave the message to be redelivered. A wrong shape goes to the
 * dead letters, a newer shape back to the queue. Whatever happens, the answer is a {@link BatchEnd}; only an error that
 * must end the worker is thrown.
 */

import { unlessAborted } from '../core/abort.ts';
import { backoffMs } from '../core/backoff.ts';
import type { Clock } from '../core/clock.ts';
import { ImgclsError, messageOf, NewerVersionError, PoisonError, QueueMissingError } from '../core/errors.ts';
import type { JobStates } from '../core/job-states.ts';
import type { ShardRange } from '../core/keys.ts';
import type { Log } from '../core/log.ts';
import { parseRequest, type RequestMessage } from '../core/messages.ts';
import type { Cloud, Queue } from '../core/ports.ts';
import { findShard, markErrors, rangeOf, responseFor, type Shard, writeShard } from '../core/shard.ts';
import { type ClassifyTools, classifyBatch } from './classify-batch.ts';
import type { Batch } from './held-batch.ts';
import type { LeaseKeeper } from './lease.ts';
import { withRetries } from './retry.ts';

export interface BatchTools extends ClassifyTools {
  cloud: Cloud;
  workerId: string;
  queue: Queue;
  deadLetters: Queue;
  leases: LeaseKeeper;
  jobs: JobStates;
  clock: Clock;
  /** 0 (inclusive) to 1 (exclusive). */
  random: () => number;
  log: Log;
}

/**
 * - `done`: its outcomes are in the ledger; so many of them are this worker's work.
 * - `unwanted`: its job is cancelled.
 * - `poison`: it is no message of ours.
 * - `outdated`: a newer imgcls must do it.
 * - `returned`: it was not begun and is back in the queue.
 * - `failed`: it will come again.
 */
export type BatchEnd =
  | { kind: 'done'; job: string; images: number }
  | { kind: 'unwanted' | 'poison' | 'outdated' | 'returned' }
  | { kind: 'failed'; error: unknown };

/** A message that failed stays hidden for longer each time, so that a long outage does not use up its deliveries. */
const HIDE = { baseMs: 1000, maxMs: 15 * 60_000 };

/** @throws {ImgclsError} that must end the worker. */
export async function runBatch(batch: Batch, tools: BatchTools): Promise<BatchEnd> {
  try {
    const request = parseRequest(batch.message.body);
    const range = rangeOf(request);
    batch.images = request.images.length;
    return await work(batch, request, range, tools);
  } catch (error) {
    if (batch.signal.aborted) {
      await hide(batch, 0, tools);
      return { kind: 'returned' };
    }
    if (error instanceof NewerVersionError) {
      tools.log.warn({ message: batch.message.id }, `This worker is outdated: ${error.message}`);
      await hide(batch, 0, tools);
      return { kind: 'outdated' };
    }
    if (error instanceof PoisonError) return await bury(batch, error, tools);
    const hideMs = backoffMs(batch.message.receiveCount, tools.random(), HIDE);
    await hide(batch, hideMs, tools);
    const isPermanent = error instanceof ImgclsError && error.kind !== 'transient';
    if (isPermanent) throw error;
    tools.log.warn({ error, message: batch.message.id, hideMs }, 'A batch failed and will be tried again.');
    return { kind: 'failed', error };
  }
}

async function work(
  batch: Batch,
  request: RequestMessage,
  range: ShardRange,
  tools: BatchTools,
): Promise<BatchEnd> {
  const { signal } = batch;
  const { cloud, jobs } = tools;
  const { job } = request;
  const retrying = { ...tools, signal };
  if (await withRetries(() => unlessAborted(jobs.isCancelled(job), signal), retrying)) {
    await remove(batch, tools);
    return { kind: 'unwanted' };
  }
  if (batch.message.receiveCount > 1) {
    const found = await withRetries(() => findShard(cloud.output, job, range, signal), retrying);
    if (found !== undefined) {
      await acknowledge(batch, request, found, tools);
      return { kind: 'done', job, images: 0 };
    }
  }
  const outcomes = await classifyBatch(batch, request, tools);
  batch.begin();
  const put = () => writeShard(cloud.output, job, { range, outcomes }, signal);
  const { shard, isOurs } = await withRetries(put, retrying);
  await acknowledge(batch, request, shard, tools);
  return { kind: 'done', job, images: isOurs ? outcomes.length : 0 };
}

/** The ledger has it: tell the waiter, then delete the message. */
async function acknowledge(
  batch: Batch,
  { job, replyTo }: RequestMessage,
  shard: Shard,
  tools: BatchTools,
): Promise<void> {
  batch.begin();
  const retrying = { ...tools, signal: batch.signal };
  await withRetries(() => markErrors(tools.cloud.output, job, shard, batch.signal), retrying);
  if (replyTo !== undefined) {
    const response = { body: responseFor(job, tools.workerId, shard), groupId: job };
    const queue = tools.cloud.queues.open(replyTo);
    try {
      await withRetries(() => queue.send([response], batch.signal), retrying);
    } catch (error) {
      // Its waiter is gone, and reads the ledger when it comes back.
      if (!(error instanceof QueueMissingError)) throw error;
    }
  }
  await remove(batch, tools);
}

/** Deletes the message. Should that fail, it comes again and is answered from the ledger. */
async function remove(batch: Batch, tools: BatchTools): Promise<void> {
  const { receipt, id } = batch.message;
  batch.begin();
  await tools.leases.release(receipt);
  const lost = await withRetries(() => tools.queue.delete([receipt]), { ...tools, signal: batch.signal });
  if (lost.length > 0)
    tools.log.debug({ message: id }, 'The message was deleted too late and may come again.');
}

async function bury(batch: Batch, error: PoisonError, tools: BatchTools): Promise<BatchEnd> {
  const { body, groupId, id } = batch.message;
  batch.begin();
  tools.log.warn({ message: id, reason: error.message }, 'A message goes to the dead letters.');
  try {
    await withRetries(() => tools.deadLetters.send([{ body, ...(groupId !== undefined && { groupId }) }]), {
      ...tools,
      signal: batch.signal,
    });
    await remove(batch, tools);
  } catch (cause) {
    // The queue itself moves it after enough deliveries.
    tools.log.error({ message: id, error: messageOf(cause) }, 'The dead letter could not be moved.');
    await hide(batch, HIDE.maxMs, tools);
  }
  return { kind: 'poison' };
}

/** Lets go of the message and hides it for so long, 0 giving it back at once. At worst its lease runs out. */
async function hide(batch: Batch, forMs: number, { leases, queue, log }: BatchTools): Promise<void> {
  const { receipt, id } = batch.message;
  try {
    await leases.release(receipt);
    if (!batch.leaseLost) await queue.extend([receipt], forMs);
  } catch (error) {
    log.warn(
      { message: id, error: messageOf(error) },
      'The message comes again only when its lease runs out.',
    );
  }
}

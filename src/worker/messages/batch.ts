/**
 * One batch's life: parse, look whether it is still wanted or already done, download and classify, write the shard,
 * answer, and only then delete the message.
 *
 * Errors of an image are outcomes. Errors of the world leave the message to be redelivered. A wrong shape goes to the
 * dead letters, a newer shape back to the queue. Whatever happens, the answer is a {@link MessageResult}; only an error that
 * must end the worker is thrown.
 */

import type { Queue } from '../../core/cloud/ports.ts';
import type { JobStates } from '../../core/job/job-states.ts';
import type { RequestMessage } from '../../core/job/messages.ts';
import { findShard, markErrors, rangeOf, type Shard, writeShard } from '../../core/job/shard.ts';
import { unlessAborted } from '../../core/runtime/abort.ts';
import { backoffMs } from '../../core/runtime/backoff.ts';
import { messageOf, type PoisonError } from '../../core/runtime/errors.ts';
import { classifyBatch } from './classify-batch.ts';
import { type DropTools, workOnNotification } from './drops.ts';
import type { HeldMessage } from './held-message.ts';
import { deleteMessage, type MessageResult, release, respond, runMessage } from './message.ts';
import { withRetries } from './retry.ts';

export interface BatchTools extends DropTools {
  deadLetters: Queue;
  jobs: JobStates;
}

/** A message that failed stays hidden for longer each time, so that a long outage does not use up its deliveries. */
const HIDE = { baseMs: 1000, maxMs: 15 * 60_000 };

/** @throws {ImgclsError} that must end the worker. */
export function runBatch(batch: HeldMessage, tools: BatchTools): Promise<MessageResult> {
  return runMessage(batch, tools, {
    work: (message) =>
      'request' in message
        ? work(batch, message.request, tools)
        : workOnNotification(batch, message.notification, tools),
    moveToDeadLetterQueue: (error) => bury(batch, error, tools),
    hideMs: () => backoffMs(batch.message.receiveCount, tools.random(), HIDE),
  });
}

async function work(batch: HeldMessage, request: RequestMessage, tools: BatchTools): Promise<MessageResult> {
  const { signal } = batch;
  const { cloud, jobs } = tools;
  const { job } = request;
  const range = rangeOf(request);
  const retrying = { ...tools, signal };
  if (await withRetries(() => unlessAborted(jobs.isCancelled(job), signal), retrying)) {
    await deleteMessage(batch, tools);
    return { kind: 'unwanted' };
  }
  if (batch.message.receiveCount > 1) {
    const found = await withRetries(() => findShard(cloud.output, job, range, signal), retrying);
    if (found !== undefined) {
      await acknowledge(batch, request, found, tools);
      return { kind: 'done', job, written: [] };
    }
  }
  const outcomes = await classifyBatch(batch, request, tools);
  batch.begin();
  const put = () => writeShard(cloud.output, job, { range, outcomes }, signal);
  const { shard, isOurs } = await withRetries(put, retrying);
  await acknowledge(batch, request, shard, tools);
  return { kind: 'done', job, written: isOurs ? outcomes : [] };
}

/** The ledger has it: tell the waiter, then delete the message. One that comes again is answered from the ledger. */
async function acknowledge(
  batch: HeldMessage,
  request: RequestMessage,
  shard: Shard,
  tools: BatchTools,
): Promise<void> {
  batch.begin();
  const { signal } = batch;
  const mark = () => markErrors(tools.cloud.output, request.job, shard, signal);
  await withRetries(mark, { ...tools, signal });
  await respond(batch, request, shard, tools);
  await deleteMessage(batch, tools);
}

async function bury(batch: HeldMessage, error: PoisonError, tools: BatchTools): Promise<void> {
  const { body, groupId } = batch.message;
  batch.begin();
  tools.log.warn({ ...batch.about, reason: error.message }, 'A message goes to the dead letters.');
  try {
    await withRetries(() => tools.deadLetters.send([{ body, ...(groupId !== undefined && { groupId }) }]), {
      ...tools,
      signal: batch.signal,
    });
    await deleteMessage(batch, tools);
  } catch (cause) {
    // The queue itself moves it after enough deliveries.
    tools.log.error({ ...batch.about, error: messageOf(cause) }, 'The dead letter could not be moved.');
    await release(batch, HIDE.maxMs, tools);
  }
}

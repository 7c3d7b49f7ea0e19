/**
 * Work on a message of the request queue: check that its job still wants it and that it is not done yet, classify, write
 * the shard, acknowledge.
 *
 * An error of an image becomes an outcome. A transient error leaves the message to be redelivered.
 */

import type { Queue, Store } from '../../core/cloud/ports.ts';
import { MARKED_FROM_RECEIVES, markBegun } from '../../core/job/dead-letter.ts';
import { isDeleted } from '../../core/job/job-record.ts';
import type { JobStates } from '../../core/job/job-states.ts';
import type { BatchPlace } from '../../core/job/keys.ts';
import { predictionsOf } from '../../core/job/known-images.ts';
import type { RequestMessage } from '../../core/job/messages.ts';
import { findShard, markErrors, rangeOf, removeShard, type Shard, writeShard } from '../../core/job/shard.ts';
import { unlessAborted } from '../../core/runtime/abort.ts';
import { backoffMs } from '../../core/runtime/backoff.ts';
import { isTransient, messageOf } from '../../core/runtime/errors.ts';
import { classifyBatch } from './classify-batch.ts';
import { type DropTools, workOnNotification } from './drops.ts';
import type { MessageHandler, MessageResult } from './handle-message.ts';
import type { HeldMessage } from './held-message.ts';
import { withRetries } from './retry.ts';
import { acknowledge, deleteMessage, MAX_RELEASE_MS, moveToDeadLetterQueue } from './settle-message.ts';

export interface BatchTools extends DropTools {
  deadLetters: Queue;
  jobs: JobStates;
}

/** Longer after each failure, so that a long outage does not use up the message's deliveries. */
const RELEASE_BACKOFF = { baseMs: 1000, maxMs: MAX_RELEASE_MS };

export const batchHandler = (tools: BatchTools): MessageHandler => ({
  work: (held, message) =>
    'request' in message
      ? workOnRequest(held, message.request, tools)
      : workOnNotification(held, message.notification, tools),
  reject: (held, error) => moveToDeadLetterQueue(held, error, tools),
  releaseForMs: ({ message }) => backoffMs(message.receiveCount, tools.random(), RELEASE_BACKOFF),
});

/**
 * Late in its life a batch is marked when a worker begins it: without the mark, its dead letter is sent again once. A worker
 * that may not write the mark works all the same.
 */
export const markLateBatch =
  ({ clock, random, log }: Pick<BatchTools, 'clock' | 'random' | 'log'>, output: Store) =>
  async ({ message, signal, logFields }: HeldMessage, place: BatchPlace): Promise<void> => {
    if (message.receiveCount < MARKED_FROM_RECEIVES) return;
    try {
      await withRetries(() => markBegun(output, place, signal), { clock, random, signal });
    } catch (error) {
      if (signal.aborted || isTransient(error)) throw error;
      log.warn({ ...logFields, error: messageOf(error) }, 'Failed to mark a batch as begun.');
    }
  };

async function workOnRequest(
  held: HeldMessage,
  request: RequestMessage,
  tools: BatchTools,
): Promise<MessageResult> {
  const { signal } = held;
  const { cloud, jobs } = tools;
  const { job } = request;
  const range = rangeOf(request);
  const retrying = { ...tools, signal };
  if (await withRetries(() => unlessAborted(jobs.isCancelled(job), signal), retrying)) {
    await deleteMessage(held, tools);
    return { kind: 'unwanted' };
  }
  if (held.message.receiveCount > 1) {
    const found = await withRetries(() => findShard(cloud.output, job, range, signal), retrying);
    if (found !== undefined) return await finish(held, request, { shard: found, isOurs: false }, tools);
  }
  const outcomes = await classifyBatch(held, { ...request, place: { job, range } }, tools);
  held.begin();
  const classifier = tools.models.classifierOf(request.model);
  const predictions =
    classifier === undefined
      ? undefined
      : predictionsOf(request.images, outcomes, { classifier, topK: request.topK });
  const put = () => writeShard(cloud.output, job, { range, outcomes }, { signal, predictions });
  return await finish(held, request, await withRetries(put, retrying), tools);
}

/**
 * Acknowledges a message whose shard is in the ledger. If that fails, the redelivered message is answered from the ledger.
 * If the job was deleted meanwhile, its shard is deleted too: the removal may have listed the ledger before it was there.
 */
async function finish(
  held: HeldMessage,
  request: RequestMessage,
  { shard, isOurs }: { shard: Shard; isOurs: boolean },
  tools: BatchTools,
): Promise<MessageResult> {
  held.begin();
  const { signal } = held;
  const { output } = tools.cloud;
  const { job } = request;
  const retrying = { ...tools, signal };
  await withRetries(() => markErrors(output, job, shard, signal), retrying);
  if (await withRetries(() => isDeleted(output, job, signal), retrying)) {
    await withRetries(() => removeShard(output, job, shard, signal), retrying);
    await deleteMessage(held, tools);
    return { kind: 'unwanted' };
  }
  await acknowledge(held, request, shard, tools);
  return { kind: 'done', job, written: isOurs ? (shard.outcomes ?? []) : [] };
}

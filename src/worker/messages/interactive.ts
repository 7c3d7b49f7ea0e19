/**
 * Work on a message of the interactive queue: classify its one image, send the response, delete the message.
 *
 * Only the waiter needs the response, and only now: there is no job record, no ledger and no dead letter. A waiter that
 * gets no response asks again, and the queue's retention time removes old messages.
 */

import type { QueueMessage } from '../../core/drop/notification.ts';
import type { RequestMessage } from '../../core/job/messages.ts';
import { rangeOf } from '../../core/job/shard.ts';
import type { Outcome } from '../../core/model/outcome.ts';
import { PoisonError } from '../../core/runtime/errors.ts';
import { FORMAT } from '../../core/runtime/versioned.ts';
import { classifyBatch } from './classify-batch.ts';
import type { MessageHandler, MessageResult, MessageTools } from './handle-message.ts';
import type { HeldMessage } from './held-message.ts';
import { acknowledge, deleteMessage, discard } from './settle-message.ts';

/** A message that was received more often has ended its workers. */
const MAX_RECEIVES = 2;
/** A message that failed is redelivered within this time, because its waiter waits. */
const MAX_RELEASE_MS = 1000;

export const interactiveHandler = (tools: MessageTools): MessageHandler => ({
  work: (held, message) => work(held, message, tools),
  reject: (held, error) => discard(held, error, tools),
  releaseForMs: () => MAX_RELEASE_MS * tools.random(),
});

async function work(held: HeldMessage, message: QueueMessage, tools: MessageTools): Promise<MessageResult> {
  if ('notification' in message) throw new PoisonError('The interactive queue does not accept S3 events.');
  const { request } = message;
  if (request.images.length !== 1 || request.replyTo === undefined) {
    throw new PoisonError('An interactive request must have exactly one image and a response queue.');
  }
  const range = rangeOf(request);
  const isSuspect = held.message.receiveCount > MAX_RECEIVES;
  const outcomes = isSuspect ? crashed(request) : await classifyInTime(held, request, tools);
  if (outcomes === undefined) {
    await deleteMessage(held, tools);
    return { kind: 'unwanted' };
  }
  await acknowledge(held, request, { range, outcomes }, tools);
  return { kind: 'done', job: request.job, written: outcomes };
}

/** @returns undefined once the caller has stopped waiting. If its image then hangs in a runner, the runner is killed. */
async function classifyInTime(
  held: HeldMessage,
  request: RequestMessage,
  tools: MessageTools,
): Promise<Outcome[] | undefined> {
  const { clock } = tools;
  const { timeoutMs = Number.POSITIVE_INFINITY, job } = request;
  const place = { job, range: rangeOf(request) };
  const heldForMs = clock.monotonicMs() - held.receivedAtMs;
  const leftMs = timeoutMs - held.message.waitedMs - heldForMs;
  if (leftMs <= 0) return undefined;
  if (leftMs === Number.POSITIVE_INFINITY) return await classifyBatch(held, { ...request, place }, tools);
  const done = new AbortController();
  const late = new AbortController();
  void clock.sleep(leftMs, done.signal).then(() => late.abort(new Error('The caller has stopped waiting.')));
  try {
    return await classifyBatch(held, { ...request, place, deadline: late.signal }, tools);
  } catch (error) {
    if (error === late.signal.reason) return undefined;
    throw error;
  } finally {
    done.abort();
  }
}

const crashed = ({ images }: RequestMessage): Outcome[] =>
  images.map(({ index, name }) => {
    const message = `The image was tried ${MAX_RECEIVES} times, and its worker ended each time.`;
    return { v: FORMAT, index, name, error: { code: 'worker_crash', message } };
  });

/**
 * One interactive message's life: parse, download and classify its one image, answer, delete the message.
 *
 * Its answer is wanted by the one who waits for it, and by nobody later: there is no job record, no ledger and no dead
 * letter. Whoever gets no answer asks again, and the queue forgets what is older than anybody's patience.
 */

import type { RequestMessage } from '../../core/job/messages.ts';
import type { QueueMessage } from '../../core/job/notification.ts';
import { rangeOf } from '../../core/job/shard.ts';
import type { Outcome } from '../../core/model/outcome.ts';
import { messageOf, PoisonError } from '../../core/runtime/errors.ts';
import { FORMAT } from '../../core/runtime/versioned.ts';
import { classifyBatch } from './classify-batch.ts';
import type { HeldMessage } from './held-message.ts';
import { deleteMessage, type MessageResult, type MessageTools, respond, runMessage } from './message.ts';

/** One that was given out more often was in the hands of workers that ended. */
const MAX_RECEIVES = 2;
/** A message that failed comes again within this time: somebody waits. */
const HIDE_MS = 1000;

/** @throws {ImgclsError} that must end the worker. */
export function runInteractive(batch: HeldMessage, tools: MessageTools): Promise<MessageResult> {
  return runMessage(batch, tools, {
    work: (message) => work(batch, message, tools),
    moveToDeadLetterQueue: (error) => drop(batch, error, tools),
    hideMs: () => HIDE_MS * tools.random(),
  });
}

async function work(batch: HeldMessage, message: QueueMessage, tools: MessageTools): Promise<MessageResult> {
  if ('notification' in message) throw new PoisonError('Nobody waits for what S3 has to say.');
  const { request } = message;
  if (request.images.length !== 1 || request.replyTo === undefined) {
    throw new PoisonError('An interactive message has one image, and somebody to answer.');
  }
  const isSuspect = batch.message.receiveCount > MAX_RECEIVES;
  const outcomes = isSuspect ? crashed(request) : await classifyBatch(batch, request, tools);
  batch.begin();
  await respond(batch, request, { range: rangeOf(request), outcomes }, tools);
  await deleteMessage(batch, tools);
  return { kind: 'done', job: request.job, written: outcomes };
}

const crashed = ({ images }: RequestMessage): Outcome[] =>
  images.map(({ index, name }) => {
    const message = `Classifying the image was begun ${MAX_RECEIVES} times, and the worker ended each time.`;
    return { v: FORMAT, index, name, error: { code: 'worker_crash', message } };
  });

async function drop(batch: HeldMessage, error: PoisonError, tools: MessageTools): Promise<void> {
  tools.log.warn({ ...batch.about, reason: error.message }, 'An interactive message is dropped.');
  try {
    await deleteMessage(batch, tools);
  } catch (cause) {
    tools.log.debug({ ...batch.about, error: messageOf(cause) }, 'It stays until it is too old.');
  }
}

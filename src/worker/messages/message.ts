/** What every message goes through, whichever queue it came from: parsed, worked on, then answered and deleted or let go. */

import type { Cloud, Queue } from '../../core/cloud/ports.ts';
import { isResponseQueue } from '../../core/job/keys.ts';
import type { RequestMessage } from '../../core/job/messages.ts';
import { parseMessage, type QueueMessage } from '../../core/job/notification.ts';
import { rangeOf, responseFor, type Shard } from '../../core/job/shard.ts';
import { isError, type Outcome } from '../../core/model/outcome.ts';
import {
  ImgclsError,
  messageOf,
  NewerVersionError,
  PoisonError,
  QueueMissingError,
} from '../../core/runtime/errors.ts';
import type { Log } from '../../core/runtime/log.ts';
import type { Meter } from '../../core/runtime/metrics.ts';
import type { ClassifyTools } from './classify-batch.ts';
import type { HeldMessage } from './held-message.ts';
import type { LeaseKeeper } from './lease.ts';
import { withRetries } from './retry.ts';

export interface MessageTools extends ClassifyTools {
  cloud: Cloud;
  workerId: string;
  /** Where the message came from, and who keeps its lease there. */
  queue: Queue;
  leases: LeaseKeeper;
  log: Log;
  meter: Meter;
  /** What the queue is called in figures. */
  queueTitle: string;
}

/**
 * - `done`: it is answered; `written` are its outcomes that are this worker's work.
 * - `unwanted`: its job is cancelled, or it asks for nothing.
 * - `poison`: it is no message of ours.
 * - `outdated`: a newer imgcls must do it.
 * - `returned`: it was not begun and is back in the queue.
 * - `failed`: it will come again.
 */
export type MessageResult =
  | { kind: 'done'; job: string; written: readonly Outcome[] }
  | { kind: 'unwanted' | 'poison' | 'outdated' | 'returned' }
  | { kind: 'failed'; error: unknown };

/** What differs from queue to queue. */
export interface Handling {
  work(message: QueueMessage): Promise<MessageResult>;
  /** Gets rid of a message that can never be handled. */
  moveToDeadLetterQueue(error: PoisonError): Promise<void>;
  /** How long one that failed stays hidden. */
  hideMs(): number;
}

/** @throws {ImgclsError} that must end the worker. */
export async function runMessage(
  batch: HeldMessage,
  tools: MessageTools,
  { work, moveToDeadLetterQueue: bury, hideMs }: Handling,
): Promise<MessageResult> {
  try {
    const message = parseMessage(batch.message.body);
    batch.parsed(message);
    const end = await work(message);
    if (end.kind === 'done') tellDone(batch, end, tools);
    else
      tools.log.info(
        batch.about,
        'A message is dropped: its job is cancelled or deleted, or it asks for nothing.',
      );
    return end;
  } catch (error) {
    if (batch.signal.aborted) {
      tools.log.info(batch.about, 'A batch is given back.');
      await release(batch, 0, tools);
      return { kind: 'returned' };
    }
    if (error instanceof NewerVersionError) {
      tools.log.warn(batch.about, `This worker is outdated: ${error.message}`);
      await release(batch, 0, tools);
      return { kind: 'outdated' };
    }
    if (error instanceof PoisonError) {
      await bury(error);
      return { kind: 'poison' };
    }
    const forMs = hideMs();
    await release(batch, forMs, tools);
    const isPermanent = error instanceof ImgclsError && error.kind !== 'transient';
    if (isPermanent) throw error;
    tools.log.warn({ ...batch.about, error, hideMs: forMs }, 'A batch failed and will be tried again.');
    return { kind: 'failed', error };
  }
}

/** Says in the log and in figures what a batch came to. */
function tellDone(
  batch: HeldMessage,
  { job, written }: Extract<MessageResult, { kind: 'done' }>,
  { log, meter, clock, queueTitle }: MessageTools,
): void {
  const ms = Math.round(clock.monotonicMs() - batch.receivedAtMs);
  const range = batch.request && rangeOf(batch.request);
  const errors = written.filter(isError).length;
  log.info({ ...batch.about, job, ...range, written: written.length, errors, ms }, 'A batch is answered.');
  meter.record('BatchLatencyMs', ms, queueTitle);
  for (const outcome of written) {
    if (isError(outcome)) meter.record('ImageErrors', 1, outcome.error.code);
    else meter.record('ImagesClassified', 1, outcome.model);
  }
}

/** Tells the waiter, where there is one. */
export async function respond(
  batch: HeldMessage,
  request: RequestMessage,
  shard: Shard,
  tools: MessageTools,
): Promise<void> {
  const { job, replyTo } = request;
  // Who sends a request does not choose what else this worker writes to, and a queue that denies it must not end it.
  if (replyTo === undefined || !isResponseQueue(tools.cloud.cluster, replyTo)) return;
  const response = { body: responseFor(request, tools.workerId, shard), groupId: job };
  const queue = tools.cloud.queues.open(replyTo);
  try {
    await withRetries(() => queue.send([response], batch.signal), { ...tools, signal: batch.signal });
  } catch (error) {
    // Its waiter is gone; one that comes back reads the ledger.
    if (!(error instanceof QueueMissingError)) throw error;
  }
}

/** Deletes the message. Should that fail, it comes again. */
export async function deleteMessage(batch: HeldMessage, tools: MessageTools): Promise<void> {
  const { receipt } = batch.message;
  batch.begin();
  await tools.leases.release(receipt);
  const lost = await withRetries(() => tools.queue.delete([receipt]), { ...tools, signal: batch.signal });
  if (lost.length > 0) tools.log.debug(batch.about, 'The message was deleted too late and may come again.');
}

/** Lets go of the message and hides it for so long, 0 giving it back at once. At worst its lease runs out. */
export async function release(
  batch: HeldMessage,
  forMs: number,
  { leases, queue, log }: MessageTools,
): Promise<void> {
  const { receipt } = batch.message;
  try {
    await leases.release(receipt);
    if (!batch.leaseLost) await queue.extend([receipt], forMs);
  } catch (error) {
    const fields = { ...batch.about, error: messageOf(error) };
    log.warn(fields, 'The message comes again only when its lease runs out.');
  }
}

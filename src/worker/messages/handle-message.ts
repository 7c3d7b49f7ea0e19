/** The steps of every message, whichever queue it came from: parse, work, report the result, deal with errors. */

import { parseMessage, type QueueMessage } from '../../core/drop/notification.ts';
import { NEWER_RELEASE_MS } from '../../core/fleet/fleet.ts';
import { rangeOf } from '../../core/job/shard.ts';
import { isError, type Outcome } from '../../core/model/outcome.ts';
import { ImgclsError, NewerVersionError, PoisonError } from '../../core/runtime/errors.ts';
import { asMachineFault } from '../../core/runtime/machine-fault.ts';
import type { Meter } from '../../core/runtime/metrics.ts';
import type { ClassifyTools } from './classify-batch.ts';
import type { HeldMessage } from './held-message.ts';
import { release, type SettleTools } from './settle-message.ts';

export interface MessageTools extends ClassifyTools, SettleTools {
  meter: Meter;
  /** The name of the queue in metrics. */
  queueTitle: string;
}

/**
 * - `done`: acknowledged; `written` are the outcomes that this worker wrote.
 * - `unwanted`: deleted without an outcome: its job is cancelled or deleted, its caller has stopped waiting, or it requests
 *   nothing.
 * - `poison`: no worker can process it.
 * - `outdated`: only a newer imgcls can process it.
 * - `released`: released before its work began.
 * - `failed`: released, to be retried.
 */
export type MessageResult =
  | { kind: 'done'; job: string; written: readonly Outcome[] }
  | { kind: 'unwanted' | 'poison' | 'outdated' | 'released' }
  | { kind: 'failed'; error: unknown };

/** The steps that differ from queue to queue. */
export interface MessageHandler {
  work(held: HeldMessage, message: QueueMessage): Promise<MessageResult>;
  /** Gets rid of a poison message. */
  reject(held: HeldMessage, error: PoisonError): Promise<void>;
  /** For how long a message that failed is released. */
  releaseForMs(held: HeldMessage): number;
}

/** @throws {ImgclsError} that must end the worker. */
export async function handleMessage(
  held: HeldMessage,
  handler: MessageHandler,
  tools: MessageTools,
): Promise<MessageResult> {
  try {
    const message = parseMessage(held.message.body);
    held.parsed(message);
    const result = await handler.work(held, message);
    if (result.kind === 'done') reportDone(held, result, tools);
    else
      tools.log.info(
        held.logFields,
        'Deleted message without work: its job is cancelled or deleted, its caller has stopped waiting, or it requests nothing.',
      );
    return result;
  } catch (error) {
    return await handleError(error, held, handler, tools);
  }
}

async function handleError(
  error: unknown,
  held: HeldMessage,
  handler: MessageHandler,
  tools: MessageTools,
): Promise<MessageResult> {
  if (held.signal.aborted) {
    tools.log.info(held.logFields, 'Releasing message without work.');
    await release(held, 0, tools);
    return { kind: 'released' };
  }
  if (error instanceof NewerVersionError) {
    tools.log.warn(
      { ...held.logFields, reason: error.message, releaseForMs: NEWER_RELEASE_MS },
      'This worker is outdated: it received a message from a newer version of imgcls. Update imgcls.',
    );
    await release(held, NEWER_RELEASE_MS, tools);
    return { kind: 'outdated' };
  }
  if (error instanceof PoisonError) {
    await handler.reject(held, error);
    return { kind: 'poison' };
  }
  const releaseForMs = handler.releaseForMs(held);
  await release(held, releaseForMs, tools);
  const fault = asMachineFault(error);
  if (fault !== undefined) throw fault;
  const isPermanent = error instanceof ImgclsError && error.kind !== 'transient';
  if (isPermanent) throw error;
  tools.log.warn({ ...held.logFields, error, releaseForMs }, 'Message failed and will be retried.');
  return { kind: 'failed', error };
}

/** Reports the result in the log and in metrics. */
function reportDone(
  held: HeldMessage,
  { job, written }: Extract<MessageResult, { kind: 'done' }>,
  { log, meter, clock, queueTitle }: MessageTools,
): void {
  const ms = Math.round(clock.monotonicMs() - held.receivedAtMs);
  const range = held.request && rangeOf(held.request);
  const errors = written.filter(isError).length;
  log.info({ ...held.logFields, job, ...range, written: written.length, errors, ms }, 'Batch completed.');
  meter.record('BatchLatencyMs', ms, queueTitle);
  for (const outcome of written) {
    if (isError(outcome)) meter.record('ImageErrors', 1, outcome.error.code);
    else meter.record('ImagesClassified', 1, outcome.model);
  }
}

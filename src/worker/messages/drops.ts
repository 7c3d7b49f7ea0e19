/**
 * Work on a notification of S3: classify the dropped images, write each outcome to the ledger, delete the message.
 * A dropped image has no waiter and names no model: it gets the worker's own.
 */
import { type Drop, dropsOf, findDropped, placeOf, writeDropped } from '../../core/drop/drop.ts';
import type { Notification } from '../../core/drop/notification.ts';
import type { BatchPlace } from '../../core/job/keys.ts';
import { markErrors, type Shard } from '../../core/job/shard.ts';
import type { ModelRef } from '../../core/model/model.ts';
import { isError, type Outcome } from '../../core/model/outcome.ts';
import { MachineFaultError } from '../../core/runtime/machine-fault.ts';
import { FORMAT } from '../../core/runtime/versioned.ts';
import { classifyBatch } from './classify-batch.ts';
import type { MessageResult, MessageTools } from './handle-message.ts';
import type { HeldMessage } from './held-message.ts';
import { withRetries } from './retry.ts';
import { deleteMessage } from './settle-message.ts';
import { withoutFaults } from './without-faults.ts';

export interface DropTools extends MessageTools {
  /** Undefined if the settings name no installed model. */
  model: ModelRef | undefined;
  topK: number;
}

/** @throws {PoisonError} if the notification is about another bucket: this worker must not read from there. */
export async function workOnNotification(
  held: HeldMessage,
  notification: Notification,
  tools: DropTools,
): Promise<MessageResult> {
  const { drops, unwanted } = dropsOf(notification, tools.cloud.input.bucket);
  if (notification.events.length === 0) tools.log.info(held.logFields, 'Received S3 test event.');
  // A bucket may notify about more than drops. Such an event is deleted: a redelivery would bring the same one.
  if (unwanted.length > 0)
    tools.log.info({ ...held.logFields, unwanted }, 'Ignoring S3 events other than new objects under drop/.');
  const [first] = drops;
  if (first === undefined) {
    await deleteMessage(held, tools);
    return { kind: 'unwanted' };
  }
  const written = await workOnDrops(held, drops, tools);
  await deleteMessage(held, tools);
  return { kind: 'done', job: first.job, written };
}

/** @returns the outcomes that this worker wrote. */
async function workOnDrops(held: HeldMessage, drops: readonly Drop[], tools: DropTools): Promise<Outcome[]> {
  const { output } = tools.cloud;
  const { signal } = held;
  const retrying = { ...tools, signal };
  const mark = ({ job }: Drop, shard: Shard) =>
    withRetries(() => markErrors(output, job, shard, signal), retrying);
  const open: Drop[] = [];
  for (const drop of drops) {
    // At the first receive there is hardly ever an outcome, and the write would find it too.
    const isRedelivered = held.message.receiveCount > 1;
    const found = isRedelivered
      ? await withRetries(() => findDropped(output, drop, signal), retrying)
      : undefined;
    if (found === undefined) open.push(drop);
    else await mark(drop, found);
  }
  const outcomes = await classify(held, open, tools);
  held.begin();
  const written: Outcome[] = [];
  for (const [at, outcome] of outcomes.entries()) {
    const drop = open[at];
    if (drop === undefined) throw new Error(`Outcome ${at} has no image.`);
    const { shard, isOurs } = await withRetries(() => writeDropped(output, drop, outcome, signal), retrying);
    await mark(drop, shard);
    if (isOurs) written.push(outcome);
  }
  return written;
}

/** One outcome an image, in the order of the images. Their final indexes are not known yet. */
async function classify(held: HeldMessage, drops: readonly Drop[], tools: DropTools): Promise<Outcome[]> {
  const { model, topK } = tools;
  const [first] = drops;
  if (first === undefined) return [];
  const place = placeOf(first);
  if (model === undefined) return await withoutModel(held, drops, place, tools);
  const images = drops.map(({ index, name, bucket, key, version: { etag } }) => ({
    index,
    name,
    bucket,
    key,
    etag,
  }));
  return await classifyBatch(held, { model, topK, images, place }, tools);
}

/** Another worker may have a model. */
async function withoutModel(
  held: HeldMessage,
  drops: readonly Drop[],
  place: BatchPlace,
  tools: DropTools,
): Promise<Outcome[]> {
  const message = 'It has no model for dropped images. Set IMGCLS_MODEL to the name of an installed model.';
  const fault = new MachineFaultError('model_unavailable', message);
  const results = await withoutFaults(
    held,
    place,
    drops.map(() => fault),
    tools,
  );
  return drops.flatMap(({ index, name }, at) => {
    const result = results[at];
    return result !== undefined && isError(result) ? { v: FORMAT, index, name, error: result.error } : [];
  });
}

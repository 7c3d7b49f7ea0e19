/**
 * One notification's life: the images that were dropped are downloaded and classified, the outcome of each is written,
 * and only then the message is deleted. Nobody waits for them, and nobody has said which model to take: it is this worker's own.
 */
import { type Drop, dropsOf, findDropped, writeDropped } from '../../core/job/drop.ts';
import type { Notification } from '../../core/job/notification.ts';
import { markErrors, type Shard } from '../../core/job/shard.ts';
import type { ModelRef } from '../../core/model/model.ts';
import type { Outcome } from '../../core/model/outcome.ts';
import { FORMAT } from '../../core/runtime/versioned.ts';
import { classifyBatch } from './classify-batch.ts';
import type { HeldMessage } from './held-message.ts';
import { deleteMessage, type MessageResult, type MessageTools } from './message.ts';
import { withRetries } from './retry.ts';

export interface DropTools extends MessageTools {
  /** Absent where the settings name none that is installed. */
  model: ModelRef | undefined;
  topK: number;
}

/** @throws {PoisonError} where the notification is about another bucket: what lies there is none of ours to read. */
export async function workOnNotification(
  batch: HeldMessage,
  notification: Notification,
  tools: DropTools,
): Promise<MessageResult> {
  const { drops, unwanted } = dropsOf(notification, tools.cloud.input.bucket);
  if (notification.events.length === 0)
    tools.log.info(batch.about, 'S3 has tried whether its notifications arrive.');
  // The bucket may be set up to tell more than we want to hear: nothing is lost with it, and it would come again as it is.
  if (unwanted.length > 0)
    tools.log.info({ ...batch.about, unwanted }, 'S3 tells of what is no dropped image.');
  const [first] = drops;
  if (first === undefined) {
    await deleteMessage(batch, tools);
    return { kind: 'unwanted' };
  }
  const written = await workOn(batch, drops, tools);
  await deleteMessage(batch, tools);
  return { kind: 'done', job: first.job, written };
}

/** @returns the outcomes that are this worker's work. */
async function workOn(batch: HeldMessage, drops: readonly Drop[], tools: DropTools): Promise<Outcome[]> {
  const { output } = tools.cloud;
  const { signal } = batch;
  const retrying = { ...tools, signal };
  const mark = ({ job }: Drop, shard: Shard) =>
    withRetries(() => markErrors(output, job, shard, signal), retrying);
  const open: Drop[] = [];
  for (const drop of drops) {
    // At the first receipt it is hardly ever there, and writing finds out as well.
    const isLookedFor = batch.message.receiveCount > 1;
    const found = isLookedFor
      ? await withRetries(() => findDropped(output, drop, signal), retrying)
      : undefined;
    if (found === undefined) open.push(drop);
    else await mark(drop, found);
  }
  const outcomes = open.length === 0 ? [] : await classify(batch, open, tools);
  batch.begin();
  const written: Outcome[] = [];
  for (const [place, outcome] of outcomes.entries()) {
    const drop = open[place];
    if (drop === undefined) throw new Error(`Outcome ${place} is of no image.`);
    const { shard, isOurs } = await withRetries(() => writeDropped(output, drop, outcome, signal), retrying);
    await mark(drop, shard);
    if (isOurs) written.push(outcome);
  }
  return written;
}

/** Outcomes in the order of the images, their places still to be found. */
async function classify(batch: HeldMessage, drops: readonly Drop[], tools: DropTools): Promise<Outcome[]> {
  const { model, topK } = tools;
  const images = drops.map(({ index, name, bucket, key, version: { etag } }) => ({
    index,
    name,
    bucket,
    key,
    etag,
  }));
  if (model !== undefined) return await classifyBatch(batch, { model, topK, images }, tools);
  const message =
    'The workers have no model for dropped images: IMGCLS_MODEL must name one that is installed.';
  return images.map(({ index, name }) => ({
    v: FORMAT,
    index,
    name,
    error: { code: 'model_unavailable', message },
  }));
}

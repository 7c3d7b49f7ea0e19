import type { Cloud, OutgoingMessage } from '../cloud/ports.ts';
import { FORMAT } from '../runtime/versioned.ts';
import { batchEnd, SMALL_BATCH } from './batches.ts';
import { type JobRecord, LARGE_PACK_FORMAT, type ManifestEntry, type RequestImage } from './job.ts';
import { interactiveQueueName, requestQueueName } from './keys.ts';
import {
  LARGE_BATCH_FORMAT,
  MAX_MESSAGE_BYTES,
  messageText,
  PACKS_FORMAT,
  REQUEST_FORMAT,
  type RequestMessage,
} from './messages.ts';
import type { ResponseAddress } from './responses.ts';
import { aboutJob } from './trace.ts';

/** A request message without its images and the format that they need. */
export type RequestHeader = Omit<RequestMessage, 'v' | 'images'>;

/**
 * Sends the requests of these images, for the job's present attempt.
 * @param responses where the waiter takes responses; absent if there is no waiter.
 */
export async function sendRequests(
  { queues, cluster }: Pick<Cloud, 'queues' | 'cluster'>,
  { id, trace, attempt, model, topK }: JobRecord,
  entries: readonly ManifestEntry[],
  { responses, signal }: { responses?: ResponseAddress; signal?: AbortSignal } = {},
): Promise<void> {
  const header: RequestHeader = { ...aboutJob({ job: id, trace }), attempt, model, topK };
  const requests = toRequests(header, entries.map(toRequestImage), responses);
  const messages = requests.map((one) => ({ ...one, groupId: id }));
  await queues.open(requestQueueName(cluster)).send(messages, signal);
}

/**
 * Sends the request of a single image to the interactive queue.
 * @param caller whose image it is: the images of one caller do not delay those of others. Default: a caller of its own.
 */
export async function sendInteractive(
  { queues, cluster }: Pick<Cloud, 'queues' | 'cluster'>,
  header: RequestHeader,
  entry: ManifestEntry,
  { caller = header.job, signal }: { caller?: string | undefined; signal?: AbortSignal } = {},
): Promise<void> {
  const messages = toRequests(header, [toRequestImage(entry)]).map((one) => ({ ...one, groupId: caller }));
  await queues.open(interactiveQueueName(cluster)).send(messages, signal);
}

/** The fields of a manifest entry that a worker needs. */
function toRequestImage(entry: ManifestEntry): RequestImage {
  const { source: _source, bytes: _bytes, ...image } = entry;
  return image;
}

/**
 * Splits images in index order into request messages: one for each batch (see {@link toBatches}), of at most
 * {@link MAX_MESSAGE_BYTES}. Names and keys have at most 1 KB, so a single image always fits.
 */
export function toRequests(
  header: RequestHeader,
  images: readonly RequestImage[],
  responses?: ResponseAddress,
): Pick<OutgoingMessage, 'body' | 'turns'>[] {
  const empty = { v: FORMAT, ...header, replyTo: header.replyTo ?? responses?.queue, images: [] };
  const headerBytes = Buffer.byteLength(JSON.stringify(empty));
  return toBatches(images, MAX_MESSAGE_BYTES - headerBytes).map((batch) => {
    const turns = Math.ceil(batch.length / SMALL_BATCH);
    const message = { v: formatOf(header, batch), ...header, ...responses?.take(), images: batch };
    return { body: messageText(message), turns };
  });
}

/** The oldest format whose readers can work on these images. */
function formatOf({ model }: RequestHeader, images: readonly RequestImage[]): number {
  if (model.words !== undefined) return REQUEST_FORMAT;
  if (images.some((image) => 'v' in image && image.v === LARGE_PACK_FORMAT)) return PACKS_FORMAT;
  return images.length > SMALL_BATCH ? LARGE_BATCH_FORMAT : FORMAT;
}

/** Splits images in index order into batches as {@link batchEnd} says: consecutive images, at most `maxBytes` as JSON. */
export function toBatches<T extends { index: number }>(images: readonly T[], maxBytes: number): T[][] {
  const batches: T[][] = [];
  let batch: T[] = [];
  let bytes = 0;
  let end = 0;
  for (const image of images) {
    const size = Buffer.byteLength(JSON.stringify(image)) + 1;
    const isNext = batch.at(-1)?.index === image.index - 1;
    if (image.index >= end || bytes + size > maxBytes || !isNext) {
      batch = [];
      batches.push(batch);
      bytes = 0;
      end = batchEnd(image.index);
    }
    batch.push(image);
    bytes += size;
  }
  return batches;
}

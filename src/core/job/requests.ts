import type { Cloud } from '../cloud/ports.ts';
import { FORMAT } from '../runtime/versioned.ts';
import type { JobRecord, ManifestEntry, RequestImage } from './job.ts';
import { interactiveQueueName, requestQueueName } from './keys.ts';
import { MAX_BATCH, MAX_MESSAGE_BYTES, messageText, type RequestMessage } from './messages.ts';
import { aboutJob } from './trace.ts';

/** A request message without its images. */
export type RequestHeader = Omit<RequestMessage, 'images'>;

/**
 * Sends the requests of these images, for the job's present attempt.
 * @param replyTo the waiter's response queue; absent if there is no waiter.
 */
export async function sendRequests(
  { queues, cluster }: Pick<Cloud, 'queues' | 'cluster'>,
  { id, trace, attempt, model, topK }: JobRecord,
  entries: readonly ManifestEntry[],
  { replyTo, signal }: { replyTo?: string; signal?: AbortSignal } = {},
): Promise<void> {
  const header: RequestHeader = {
    v: FORMAT,
    ...aboutJob({ job: id, trace }),
    attempt,
    model,
    topK,
    ...(replyTo !== undefined && { replyTo }),
  };
  const messages = toRequests(header, entries.map(toRequestImage)).map((body) => ({ body, groupId: id }));
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
  const messages = toRequests(header, [toRequestImage(entry)]).map((body) => ({ body, groupId: caller }));
  await queues.open(interactiveQueueName(cluster)).send(messages, signal);
}

/** The fields of a manifest entry that a worker needs. */
function toRequestImage(entry: ManifestEntry): RequestImage {
  const { source: _source, bytes: _bytes, ...image } = entry;
  return image;
}

/**
 * Splits images in index order into request messages of consecutive images, at most {@link MAX_BATCH} and
 * {@link MAX_MESSAGE_BYTES} each. Names and keys have at most 1 KB, so a single image always fits.
 */
export function toRequests(header: RequestHeader, images: readonly RequestImage[]): string[] {
  const headerBytes = Buffer.byteLength(JSON.stringify({ ...header, images: [] }));
  return toBatches(images, MAX_MESSAGE_BYTES - headerBytes).map((batch) =>
    messageText({ ...header, images: batch }),
  );
}

/** Splits images in index order into batches: consecutive images, at most {@link MAX_BATCH} and `maxBytes` as JSON. */
export function toBatches<T extends { index: number }>(images: readonly T[], maxBytes: number): T[][] {
  const batches: T[][] = [];
  let batch: T[] = [];
  let bytes = 0;
  for (const image of images) {
    const size = Buffer.byteLength(JSON.stringify(image)) + 1;
    const isNext = batch.at(-1)?.index === image.index - 1;
    if (batch.length === MAX_BATCH || bytes + size > maxBytes || !isNext) {
      batch = [];
      batches.push(batch);
      bytes = 0;
    }
    batch.push(image);
    bytes += size;
  }
  return batches;
}

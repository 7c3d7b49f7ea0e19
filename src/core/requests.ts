import type { ManifestEntry, RequestImage } from './job.ts';
import { MAX_BATCH, MAX_MESSAGE_BYTES, messageText, type RequestMessage } from './messages.ts';

/** Everything of a request message but its images. */
export type RequestHeader = Omit<RequestMessage, 'images'>;

/** What a worker needs to know of a manifest entry. */
export function toRequestImage(entry: ManifestEntry): RequestImage {
  const { source: _source, bytes: _bytes, ...image } = entry;
  return image;
}

/**
 * Splits consecutive images into request messages of at most {@link MAX_BATCH} images and {@link MAX_MESSAGE_BYTES}.
 * Names are at most 1 KB and keys at most 1 KB, so a single image always fits.
 */
export function toRequests(header: RequestHeader, images: readonly RequestImage[]): string[] {
  const headerBytes = Buffer.byteLength(JSON.stringify({ ...header, images: [] }));
  const messages: string[] = [];
  let batch: RequestImage[] = [];
  let bytes = headerBytes;
  const close = () => {
    if (batch.length > 0) messages.push(messageText({ ...header, images: batch }));
    batch = [];
    bytes = headerBytes;
  };
  for (const image of images) {
    const size = Buffer.byteLength(JSON.stringify(image)) + 1;
    if (batch.length === MAX_BATCH || bytes + size > MAX_MESSAGE_BYTES) close();
    batch.push(image);
    bytes += size;
  }
  close();
  return messages;
}

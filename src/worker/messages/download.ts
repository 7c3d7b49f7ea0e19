import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { FILES_BUCKET } from '../../core/cloud/files-in-place.ts';
import type { Cloud } from '../../core/cloud/ports.ts';
import { MAX_PACK_BYTES } from '../../core/job/batches.ts';
import type { ImageSource } from '../../core/job/job.ts';
import { IMAGES_PREFIX } from '../../core/job/keys.ts';
import type { ImageError } from '../../core/model/outcome.ts';
import type { ImageFile } from '../../core/model/runner-protocol.ts';
import type { Budget } from '../../core/runtime/budget.ts';
import {
  DamagedError,
  ImgclsError,
  messageOf,
  ObjectDamagedError,
  ObjectMissingError,
  PreconditionFailedError,
} from '../../core/runtime/errors.ts';
import { type RetryOptions, withRetries } from './retry.ts';

export interface ImageDownloadOptions extends RetryOptions {
  cloud: Pick<Cloud, 'bucket' | 'input' | 'output'>;
  maxImageBytes: number;
  /** Bytes of images in memory. */
  memory: Budget;
  /** Downloads at a time. */
  connections: Budget;
}

/** The bytes of an image, which stay in memory until `release`, or its error. */
export type Download = { bytes: Uint8Array; release(): void } | { error: ImageError };

/** An image in a local file, for a runner to read. Its size counts as used memory until `release`. */
export interface LocatedImage {
  file: ImageFile;
  release(): void;
}

/** Reads one image. @param maxBytes an image of more bytes is `too_large`; defaults to the settings' limit. */
export type ReadImage = (image: ImageSource, signal: AbortSignal, maxBytes?: number) => Promise<Download>;

/**
 * Memory taken before an image's size is known. Most images are smaller and need one request. For a larger one the
 * connection is closed if memory is short: no connection stays open while it waits for memory.
 */
const INITIAL_RESERVE_BYTES = 1024 * 1024;

/** Reads an image as it was submitted. Returns errors of the image; throws all others, such as transient errors. */
export async function downloadImage(image: ImageSource, options: ImageDownloadOptions): Promise<Download> {
  let reserveBytes = Math.min(image.length ?? INITIAL_RESERVE_BYTES, options.maxImageBytes);
  for (;;) {
    await options.memory.take(reserveBytes, options.signal);
    let found: { bytes: Uint8Array } | { needsBytes: number } | { error: ImageError };
    try {
      found = await withRetries(() => fetchImage(image, reserveBytes, options), options);
    } catch (error) {
      options.memory.give(reserveBytes);
      const imageError = imageErrorOf(error, image, options.cloud);
      if (imageError === undefined) throw error;
      return { error: imageError };
    }
    if ('bytes' in found) {
      const { bytes } = found;
      const release = () => options.memory.give(bytes.byteLength);
      if (bytes.byteLength < reserveBytes) options.memory.give(reserveBytes - bytes.byteLength);
      if (isAsSubmitted(bytes, image)) return { bytes, release };
      release();
      return { error: changedError(image) };
    }
    options.memory.give(reserveBytes);
    if ('error' in found) return found;
    reserveBytes = found.needsBytes;
  }
}

/**
 * Finds the local file of an image, if it has one: then its bytes need not pass through this process.
 * @returns undefined if the image has to be downloaded. Any error of the image comes up then.
 */
export async function locate(
  image: ImageSource,
  options: ImageDownloadOptions,
): Promise<LocatedImage | undefined> {
  const { cloud, memory, maxImageBytes, signal } = options;
  const { bucket, key, etag, sha256, offset } = image;
  const store = cloud.bucket(bucket);
  if (sha256 === undefined || offset !== undefined || store.fileOf === undefined) return undefined;
  const found = await store.fileOf(key, { etag, signal }).catch(() => undefined);
  if (found === undefined || found.bytes > maxImageBytes) return undefined;
  await memory.take(found.bytes, signal);
  return { file: { ...found, sha256 }, release: () => memory.give(found.bytes) };
}

async function fetchImage(image: ImageSource, reservedBytes: number, options: ImageDownloadOptions) {
  const { cloud, connections, memory, maxImageBytes, signal } = options;
  const { offset, length } = image;
  await connections.take(1, signal);
  try {
    const { info, body } = await cloud.bucket(image.bucket).getStream(image.key, {
      signal,
      // The etag of a file changes also when only its times are set. Its sha256 decides.
      ...(image.etag !== undefined && image.bucket !== FILES_BUCKET && { ifMatch: image.etag }),
      ...(offset !== undefined && length !== undefined && { range: { offset, length } }),
    });
    // A destroyed body may still emit errors.
    body.on('error', () => {});
    if (info.bytes > maxImageBytes) {
      body.destroy();
      const message = `The file has ${info.bytes} bytes. The limit is ${maxImageBytes} bytes.`;
      return { error: { code: 'too_large' as const, message } };
    }
    const extraBytes = Math.max(0, info.bytes - reservedBytes);
    if (extraBytes > 0 && !memory.tryTake(extraBytes)) {
      body.destroy();
      return { needsBytes: info.bytes };
    }
    try {
      return { bytes: await readWhole(body, info.bytes, signal) };
    } catch (error) {
      if (extraBytes > 0) memory.give(extraBytes);
      throw error;
    }
  } finally {
    connections.give(1);
  }
}

const changedError = ({ bucket }: ImageSource): ImageError => {
  const advice = bucket === FILES_BUCKET ? ' A retry labels it as it is now.' : '';
  return { code: 'changed', message: `The file has changed since it was submitted.${advice}` };
};

const missingError = (image: ImageSource, cloud: ImageDownloadOptions['cloud']): ImageError => ({
  code: 'missing',
  message: isStored(image, cloud)
    ? 'The stored copy of the image has expired or was deleted. A retry reads the file again.'
    : `The file has been deleted or moved since it was submitted.${
        image.bucket === FILES_BUCKET ? ' Upload files with --copy to move them before their job ends.' : ''
      }`,
});

/** Whether a submitter stored the image in the cluster's own bucket. */
const isStored = ({ bucket, key }: ImageSource, { input }: ImageDownloadOptions['cloud']): boolean =>
  bucket === input.bucket && key.startsWith(IMAGES_PREFIX);

/** The part of a pack that has the images of one batch. */
interface PackPart {
  users: number;
  offset: number;
  end: number;
  download?: Promise<Download>;
}

/**
 * Reads the images of one batch. Those of a pack are read at once. Each image is checked and released on its own; the
 * memory is freed with the last one.
 * @param images all images that may be read.
 */
export function downloadsOf(
  images: readonly (ImageSource | { error: ImageError })[],
  read: ReadImage,
): ReadImage {
  const parts = new Map<string, PackPart>();
  const packOf = ({ bucket, key }: ImageSource) => `${bucket}/${key}`;
  for (const image of images) {
    if ('error' in image || image.offset === undefined || image.length === undefined) continue;
    const { offset } = image;
    const end = offset + image.length;
    const known = parts.get(packOf(image)) ?? { users: 0, offset, end };
    parts.set(packOf(image), {
      users: known.users + 1,
      offset: Math.min(known.offset, offset),
      end: Math.max(known.end, end),
    });
  }
  return async (image, signal) => {
    const { bucket, key, offset = 0, length } = image;
    const part = parts.get(packOf(image));
    if (part === undefined || length === undefined) return await read(image, signal);
    const source = { bucket, key, offset: part.offset, length: part.end - part.offset };
    part.download ??= read(source, signal, MAX_PACK_BYTES);
    const pack = await part.download;
    if ('error' in pack) return pack;
    const release = () => {
      if (--part.users === 0) pack.release();
    };
    const at = offset - part.offset;
    const bytes = pack.bytes.subarray(at, at + length);
    if (bytes.byteLength === length && isAsSubmitted(bytes, image)) return { bytes, release };
    release();
    return { error: changedError(image) };
  };
}

function isAsSubmitted(bytes: Uint8Array, { sha256 }: ImageSource): boolean {
  return sha256 === undefined || createHash('sha256').update(bytes).digest('hex') === sha256;
}

/** The whole body. A body of one chunk is not copied. @throws {ImgclsError} of kind `transient` if it ends early. */
async function readWhole(body: Readable, size: number, signal: AbortSignal): Promise<Uint8Array> {
  let bytes: Uint8Array | undefined;
  let filled = 0;
  try {
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      if (filled + chunk.byteLength > size) throw new Error('more bytes than announced');
      if (chunk.byteLength === size) {
        bytes = chunk;
        filled = size;
        continue;
      }
      bytes ??= Buffer.allocUnsafeSlow(size);
      bytes.set(chunk, filled);
      filled += chunk.byteLength;
    }
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof ImgclsError) throw cause;
    throw new ImgclsError('transient', `The download was interrupted: ${messageOf(cause)}.`, { cause });
  }
  if (filled < size)
    throw new ImgclsError('transient', `The download ended after ${filled} of ${size} bytes.`);
  return bytes ?? new Uint8Array();
}

/** The error as one of this image alone; undefined if it is not. */
function imageErrorOf(
  error: unknown,
  image: ImageSource,
  cloud: ImageDownloadOptions['cloud'],
): ImageError | undefined {
  if (error instanceof ObjectMissingError) return missingError(image, cloud);
  if (error instanceof ObjectDamagedError) {
    return { code: 'changed', message: 'The stored file is damaged. Upload the image again.' };
  }
  // A connection does not damage the same bytes at every try: they are stored damaged.
  if (error instanceof PreconditionFailedError || error instanceof DamagedError) return changedError(image);
  // A permanent error outside of our images is an error of this image. If it ended the worker, one message that names a
  // forbidden object would end every worker that receives it.
  if (!isStored(image, cloud) && error instanceof ImgclsError && error.kind !== 'transient') {
    return { code: 'unreadable', message: `Cannot read the file: ${error.message}` };
  }
  return undefined;
}

import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { Cloud } from '../../core/cloud/ports.ts';
import type { ImageSource } from '../../core/job/job.ts';
import { IMAGES_PREFIX } from '../../core/job/keys.ts';
import { MAX_PACK_BYTES } from '../../core/job/pack.ts';
import type { ImageError } from '../../core/model/outcome.ts';
import type { ImageFile } from '../../core/model/runner-protocol.ts';
import type { Budget } from '../../core/runtime/budget.ts';
import {
  DamagedError,
  ImgclsError,
  messageOf,
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

/** Bytes in memory until `release`, or why there are none. */
export type Download = { bytes: Uint8Array; release(): void } | { error: ImageError };

/** An image in a file, for a runner to read; it has its share of the memory until `release`. */
export interface LocatedImage {
  file: ImageFile;
  release(): void;
}

/** Reads one image. @param maxBytes a larger one is `too_large`; else as the settings say. */
export type ReadImage = (image: ImageSource, signal: AbortSignal, maxBytes?: number) => Promise<Download>;

/**
 * Memory taken before an image's size is known. Most images are smaller and need one request; for a larger one the
 * connection is given up where memory is short, so that none is held open while it waits.
 */
const FIRST_GUESS_BYTES = 1024 * 1024;

/** Reads an image as it was submitted. Errors of the image are answers; errors of the world are thrown. */
export async function downloadImage(image: ImageSource, options: ImageDownloadOptions): Promise<Download> {
  let reserveBytes = Math.min(FIRST_GUESS_BYTES, options.maxImageBytes);
  for (;;) {
    await options.memory.take(reserveBytes, options.signal);
    let found: { bytes: Uint8Array } | { needsBytes: number } | { error: ImageError };
    try {
      found = await withRetries(() => fetchImage(image, reserveBytes, options), options);
    } catch (error) {
      options.memory.give(reserveBytes);
      const answer = answerFor(error, image, options.cloud);
      if (answer === undefined) throw error;
      return { error: answer };
    }
    if ('bytes' in found) {
      const { bytes } = found;
      const release = () => options.memory.give(bytes.byteLength);
      if (bytes.byteLength < reserveBytes) options.memory.give(reserveBytes - bytes.byteLength);
      if (isAsSubmitted(bytes, image)) return { bytes, release };
      release();
      return { error: changed };
    }
    options.memory.give(reserveBytes);
    if ('error' in found) return found;
    reserveBytes = found.needsBytes;
  }
}

/**
 * Finds an image that lies in a file of this machine, so that its bytes need not come through this process.
 * @returns undefined where it has to be read, which also tells what is wrong with it.
 */
export async function locate(
  image: ImageSource,
  options: ImageDownloadOptions,
): Promise<LocatedImage | undefined> {
  const { cloud, memory, maxImageBytes, signal } = options;
  const { bucket, key, sha256, offset } = image;
  const store = cloud.bucket(bucket);
  if (sha256 === undefined || offset !== undefined || store.fileOf === undefined) return undefined;
  const found = await store.fileOf(key, signal).catch(() => undefined);
  if (found === undefined || found.bytes > maxImageBytes) return undefined;
  await memory.take(found.bytes, signal);
  return { file: { ...found, sha256 }, release: () => memory.give(found.bytes) };
}

async function fetchImage(image: ImageSource, reservedBytes: number, options: ImageDownloadOptions) {
  const { cloud, connections, memory, maxImageBytes, signal } = options;
  await connections.take(1, signal);
  try {
    const { info, body } = await cloud.bucket(image.bucket).getStream(image.key, {
      signal,
      ...(image.etag !== undefined && { ifMatch: image.etag }),
    });
    // A body that is given up may still complain.
    body.on('error', () => {});
    if (info.bytes > maxImageBytes) {
      body.destroy();
      const message = `The file has ${info.bytes} bytes; at most ${maxImageBytes} are allowed.`;
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

const changed: ImageError = { code: 'changed', message: 'The file is not the one that was submitted.' };

/**
 * Reads the images of one batch. What is packed is read once for all that are in it; each is checked and given up for
 * itself, and the memory is free when the last one is.
 * @param images all that may be asked for.
 */
export function downloadsOf(
  images: readonly (ImageSource | { error: ImageError })[],
  read: ReadImage,
): ReadImage {
  const packs = new Map<string, { users: number; pack?: Promise<Download> }>();
  const packOf = ({ bucket, key }: ImageSource) => `${bucket}/${key}`;
  for (const image of images) {
    if ('error' in image || image.offset === undefined) continue;
    const known = packs.get(packOf(image));
    packs.set(packOf(image), { users: (known?.users ?? 0) + 1 });
  }
  return async (image, signal) => {
    const { bucket, key, offset = 0, length } = image;
    const shared = packs.get(packOf(image));
    if (shared === undefined || length === undefined) return await read(image, signal);
    shared.pack ??= read({ bucket, key }, signal, MAX_PACK_BYTES);
    const pack = await shared.pack;
    if ('error' in pack) return pack;
    const release = () => {
      if (--shared.users === 0) pack.release();
    };
    const bytes = pack.bytes.subarray(offset, offset + length);
    if (bytes.byteLength === length && isAsSubmitted(bytes, image)) return { bytes, release };
    release();
    return { error: changed };
  };
}

function isAsSubmitted(bytes: Uint8Array, { sha256 }: ImageSource): boolean {
  return sha256 === undefined || createHash('sha256').update(bytes).digest('hex') === sha256;
}

/** The bytes in one piece: as they came where they came so, else copied together. @throws {ImgclsError} of kind `transient` when they end early. */
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
    throw new ImgclsError('transient', `The download broke off: ${messageOf(cause)}.`, { cause });
  }
  if (filled < size)
    throw new ImgclsError('transient', `The download ended after ${filled} of ${size} bytes.`);
  return bytes ?? new Uint8Array();
}

/** What the error means for this image alone, or undefined where the world is at fault. */
function answerFor(
  error: unknown,
  image: ImageSource,
  cloud: ImageDownloadOptions['cloud'],
): ImageError | undefined {
  if (error instanceof ObjectMissingError) {
    return { code: 'missing', message: 'The file is not where it was when it was submitted.' };
  }
  // One line does not damage the same bytes at every try: they lie there so.
  if (error instanceof PreconditionFailedError || error instanceof DamagedError) return changed;
  // What lies elsewhere, where or how this worker may not read it, is that job's problem, not the end of the worker: else one
  // message that names a forbidden place would end as many workers as it is delivered to.
  const isOurs = image.bucket === cloud.input.bucket && image.key.startsWith(IMAGES_PREFIX);
  if (!isOurs && error instanceof ImgclsError && error.kind !== 'transient') {
    return { code: 'unreadable', message: `The file cannot be read: ${error.message}` };
  }
  return undefined;
}

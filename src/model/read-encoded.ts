// The bytes of images that a worker names instead of sending them.

import { hash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import type { ImageError } from '../core/outcome.ts';
import type { EncodedImage } from '../core/runner-protocol.ts';

/** An encoded image, or why there is none. */
export type Encoded = Uint8Array | { error: ImageError };

/** Requests whose files have more together are read into a buffer of their own. */
const KEPT_BYTES = 4 * 1024 * 1024;

/** Reads the files of requests into buffers that it uses again: new ones for each make the collector run four times as often. */
export class RequestReader {
  readonly #free: Buffer[] = [];

  /** @returns the images, whose bytes are valid until `release`. Without it they stay so. */
  read(images: readonly EncodedImage[]): { encoded: Encoded[]; release(): void } {
    const bytes = images.reduce((sum, image) => sum + (image instanceof Uint8Array ? 0 : image.bytes), 0);
    const isKept = bytes > 0 && bytes <= KEPT_BYTES;
    const buffer = isKept
      ? (this.#free.pop() ?? Buffer.allocUnsafeSlow(KEPT_BYTES))
      : Buffer.allocUnsafeSlow(bytes);
    let filled = 0;
    const allocate = (size: number) => {
      filled += size;
      return buffer.subarray(filled - size, filled);
    };
    const encoded = images.map((image) => readEncoded(image, allocate));
    return { encoded, release: () => void (isKept && this.#free.push(buffer)) };
  }
}

/**
 * Reads without leaving the thread: the file was written a moment ago, and on the threads of the pool its turn would come
 * behind images that are being decoded.
 * @returns the bytes; `missing` where the file is gone or holds something else, so that the worker looks for itself.
 */
export function readEncoded(
  image: EncodedImage,
  allocate: (bytes: number) => Buffer = Buffer.allocUnsafe,
): Encoded {
  if (image instanceof Uint8Array) return image;
  const missing = (message: string) => ({ error: { code: 'missing' as const, message } });
  try {
    const bytes = readInto(allocate(image.bytes), image.path);
    return hash('sha256', bytes) === image.sha256
      ? bytes
      : missing('The file in the store is not the one that was submitted.');
  } catch {
    return missing('The file in the store is gone.');
  }
}

/** @returns what the file has, at most as much as the buffer holds. */
function readInto(buffer: Buffer, path: string): Buffer {
  const fd = openSync(path, 'r');
  try {
    let filled = 0;
    for (let read = -1; read !== 0 && filled < buffer.byteLength; filled += read)
      read = readSync(fd, buffer, filled, buffer.byteLength - filled, filled);
    return buffer.subarray(0, filled);
  } finally {
    closeSync(fd);
  }
}

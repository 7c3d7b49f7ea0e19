// The bytes of an image that a worker names instead of sending them.

import { hash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import type { ImageError } from '../core/model/outcome.ts';
import type { EncodedImage } from '../core/model/runner-protocol.ts';

/** An encoded image, or why there is none. */
export type Encoded = Uint8Array | { error: ImageError };

/**
 * Reads without leaving the thread: the file was written a moment ago, and on the threads of the pool its turn would come
 * behind images that are being decoded. What it reads has memory of its own.
 * @returns the bytes; `missing` where the file is gone or holds something else, so that the worker looks for itself.
 */
export function readEncoded(image: EncodedImage): Encoded {
  if (image instanceof Uint8Array) return image;
  const missing = (message: string) => ({ error: { code: 'missing' as const, message } });
  try {
    const bytes = readInto(Buffer.allocUnsafeSlow(image.bytes), image.path);
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

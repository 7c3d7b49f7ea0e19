// Reads the bytes of an image that the worker passes as a file.

import { hash } from 'node:crypto';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import type { ImageError } from '../core/model/outcome.ts';
import type { EncodedImage } from '../core/model/runner-protocol.ts';

/** An encoded image, or the error from reading it. */
export type Encoded = Uint8Array | { error: ImageError };

/**
 * Reads synchronously: the file was written or read a moment ago, and in the thread pool it would wait behind images that
 * are being decoded. The bytes have memory of their own.
 * @returns the bytes; an error `missing` if the file is gone, unreadable or has other content, so that the worker reads it for the precise error.
 */
export function readEncoded(image: EncodedImage): Encoded {
  if (image instanceof Uint8Array) return image;
  const missing = (message: string) => ({ error: { code: 'missing' as const, message } });
  try {
    const bytes = readInto(Buffer.allocUnsafeSlow(image.bytes), image.path);
    return hash('sha256', bytes) === image.sha256 ? bytes : missing('The file is not the submitted one.');
  } catch {
    return missing('The file cannot be read.');
  }
}

/** @returns the content of the file, cut off at the length of the buffer. */
function readInto(buffer: Buffer, path: string): Buffer {
  // Non-blocking: a pipe that took the place of the file must not hang the process.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    let filled = 0;
    for (let read = -1; read !== 0 && filled < buffer.byteLength; filled += read)
      read = readSync(fd, buffer, filled, buffer.byteLength - filled, filled);
    return buffer.subarray(0, filled);
  } finally {
    closeSync(fd);
  }
}

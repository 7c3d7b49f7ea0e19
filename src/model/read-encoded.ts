// The bytes of an image that a worker names instead of sending them.

import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { ImageError } from '../core/outcome.ts';
import type { EncodedImage } from '../core/runner-protocol.ts';

/**
 * Reads without leaving the thread: the file was written a moment ago, and on the threads of the pool its turn would come
 * behind images that are being decoded.
 * @returns the bytes; `missing` where the file is gone or holds something else, so that the worker looks for itself.
 */
export function readEncoded(image: EncodedImage): Uint8Array | { error: ImageError } {
  if (image instanceof Uint8Array) return image;
  const missing = (message: string) => ({ error: { code: 'missing' as const, message } });
  try {
    const bytes = readFileSync(image.path);
    return hash('sha256', bytes) === image.sha256
      ? bytes
      : missing('The file in the store is not the one that was submitted.');
  } catch {
    return missing('The file in the store is gone.');
  }
}

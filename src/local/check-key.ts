import { MAX_KEY_BYTES } from '../core/cloud/ports.ts';
import { ImgclsError } from '../core/runtime/errors.ts';

/** The rules of S3. Keys never become paths, so anything else is allowed. */
export function checkKey(key: string): void {
  const bytes = Buffer.byteLength(key);
  if (bytes === 0 || bytes > MAX_KEY_BYTES || !key.isWellFormed() || key.includes('\0')) {
    throw new ImgclsError(
      'permanent',
      `Invalid object key ${JSON.stringify(key.slice(0, 80))} (${bytes} bytes).`,
      {
        hint: `Keys have 1 to ${MAX_KEY_BYTES} bytes of valid UTF-8, without zero bytes.`,
      },
    );
  }
}

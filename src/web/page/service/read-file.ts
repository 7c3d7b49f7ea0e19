/** Files that a user chose, which may change or go at any moment until they are sent. */
import type { Chosen } from '../upload/select-images.ts';
import { ServiceError } from './call-service.ts';

/** In hex. Browsers have this for pages of https and of this machine only. @throws {ServiceError} */
export async function sha256Of({ name, file }: Chosen): Promise<string> {
  const bytes = await file.arrayBuffer().catch(() => {
    throw changedSince(name);
  });
  return hexOf(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)));
}

/** A file that changed since it was chosen breaks every upload, and a browser calls that a lost connection. */
export async function throwIfUnreadable(images: readonly Chosen[]): Promise<void> {
  for (const { name, file } of images) {
    const isReadable = await file
      .slice(0, 1)
      .arrayBuffer()
      .then(
        () => true,
        () => false,
      );
    if (!isReadable) throw changedSince(name);
  }
}

export const changedSince = (name: string): ServiceError =>
  new ServiceError(0, `${name} has changed or is gone since you chose it.`, 'Remove it, or choose it again.');

export const hexOf = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

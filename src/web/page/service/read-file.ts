/** Reads files that the user chose. They may be changed or deleted before they are sent. */
import type { ChosenImage } from '../upload/select-images.ts';
import { ServiceError } from './call-service.ts';

/** In hex. Browsers offer this only on https and on localhost. @throws {ServiceError} */
export async function sha256Of({ name, file }: ChosenImage): Promise<string> {
  const bytes = await file.arrayBuffer().catch(() => {
    throw fileChangedError(name);
  });
  return hexOf(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)));
}

/** A changed file makes each upload fail, which the browser reports as a lost connection. @throws {ServiceError} */
export async function throwIfUnreadable(images: readonly ChosenImage[]): Promise<void> {
  for (const { name, file } of images) {
    const isReadable = await file
      .slice(0, 1)
      .arrayBuffer()
      .then(
        () => true,
        () => false,
      );
    if (!isReadable) throw fileChangedError(name);
  }
}

export const fileChangedError = (name: string): ServiceError =>
  new ServiceError(0, `${name} was changed or deleted after you chose it.`, 'Remove it, or choose it again.');

export const hexOf = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

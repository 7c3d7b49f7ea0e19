import { ImgclsError, PreconditionFailedError } from '../runtime/errors.ts';
import type { Store } from './ports.ts';

/** The ETag of no version of any object. */
const NO_VERSION = '"00000000000000000000000000000000"';

/**
 * Tries to replace a version that does not exist. S3 checks the permission first, and then writes nothing. A server that
 * ignores the condition stores an object, which is deleted again.
 * @param key of an object that no image and no job has.
 * @throws {ImgclsError} of kind `config` when the server ignores the condition, or an error of the put.
 */
export async function requireConditionalWrites(
  store: Pick<Store, 'bucket' | 'put' | 'delete'>,
  key: string,
  signal?: AbortSignal,
): Promise<void> {
  try {
    await store.put(key, new Uint8Array(), {
      only: { etag: NO_VERSION },
      ...(signal !== undefined && { signal }),
    });
  } catch (error) {
    if (error instanceof PreconditionFailedError) return;
    throw error;
  }
  await store.delete([key]).catch(() => {
    // The refusal matters more than an empty object that stays.
  });
  throw new ImgclsError(
    'config',
    `The S3 server of bucket ${store.bucket} ignores the conditions of writes (If-Match): it replaced a version that does not exist.`,
    {
      hint: 'Use a server with conditional writes (docs/compatibility.md). Without them two controllers act at once, and a repeated request creates a second job.',
    },
  );
}

import { InvalidObjectError, isUnreadable, ObjectMissingError, PoisonError } from '../runtime/errors.ts';
import type { GetOptions, ObjectInfo, Store } from './ports.ts';

const decoder = new TextDecoder();

/**
 * Reads an object that imgcls writes. Every reader of stored documents uses it, which tells an object of another program, or one
 * that was changed by hand, from a wrong message and from a failure of the store.
 * @param parse throws a PoisonError for a text that is not such an object.
 * @throws {ObjectMissingError} @throws {InvalidObjectError} @throws {NewerVersionError}
 */
export async function readObject<T>(
  store: Store,
  key: string,
  parse: (text: string) => T,
  options?: GetOptions,
): Promise<{ info: ObjectInfo; value: T }> {
  try {
    const { info, body } = await store.get(key, options);
    return { info, value: parse(decoder.decode(body)) };
  } catch (error) {
    if (!(error instanceof PoisonError)) throw error;
    throw new InvalidObjectError(store.bucket, key, error.message, error);
  }
}

/** As {@link findObject}, for an object that its writer replaces: one that cannot be read counts as absent. */
export async function findReadable<T>(...args: Parameters<typeof readObject<T>>): Promise<T | undefined> {
  try {
    return (await findObject(...args))?.value;
  } catch (error) {
    if (isUnreadable(error)) return undefined;
    throw error;
  }
}

/** As {@link readObject}; undefined if the object does not exist. */
export async function findObject<T>(
  ...args: Parameters<typeof readObject<T>>
): Promise<{ info: ObjectInfo; value: T } | undefined> {
  try {
    return await readObject(...args);
  } catch (error) {
    if (error instanceof ObjectMissingError) return undefined;
    throw error;
  }
}

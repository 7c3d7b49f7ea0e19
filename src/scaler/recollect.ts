import { isUnreadable, NewerVersionError } from '../core/runtime/errors.ts';
import type { Log } from '../core/runtime/log.ts';

/**
 * Reads what an earlier controller stored and this one replaces. Undefined if nothing is stored, or if it is damaged: then a
 * warning says what is lost.
 * @throws {NewerVersionError} for an object of a newer imgcls, which must not be replaced: it would lose what it says.
 */
export async function recollect<T>(
  read: () => Promise<T | undefined>,
  log: Log,
  { loss, ...about }: { loss: string; job?: string },
): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (!isUnreadable(error) || error instanceof NewerVersionError) throw error;
    log.warn({ ...about, error: error.message }, loss);
    return undefined;
  }
}

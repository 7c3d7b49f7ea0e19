import type { Cloud, ObjectInfo, Store } from '../cloud/ports.ts';
import { CONTROLLER_LOCK_KEY } from '../job/keys.ts';
import { ObjectMissingError } from '../runtime/errors.ts';
import { parseVersioned } from '../runtime/versioned.ts';
import { type ControllerLock, controllerLock } from './fleet.ts';

/**
 * The controller lock of the cluster, held or released. Undefined if there never was one.
 * @throws {PoisonError} when the object is not a lock.
 * @throws {NewerVersionError} when a newer imgcls wrote it.
 */
export async function readControllerLock(
  output: Store,
  signal?: AbortSignal,
): Promise<{ info: ObjectInfo; record: ControllerLock } | undefined> {
  try {
    const { info, body } = await output.get(CONTROLLER_LOCK_KEY, signal && { signal });
    return {
      info,
      record: parseVersioned(controllerLock, new TextDecoder().decode(body), 'controller lock'),
    };
  } catch (error) {
    if (error instanceof ObjectMissingError) return undefined;
    throw error;
  }
}

/** Whether the lock names a process of this machine that has certainly ended: the lock is free, though it has not expired. */
export const hasHolderEnded = (
  { processes }: Pick<Cloud, 'processes'>,
  { process }: ControllerLock,
): boolean => process !== undefined && processes?.hasEnded(process) === true;

import type { Cloud, ObjectInfo, Store } from '../cloud/ports.ts';
import { findObject } from '../cloud/read-object.ts';
import { CONTROLLER_LOCK_KEY } from '../job/keys.ts';
import { parseVersioned } from '../runtime/versioned.ts';
import { type ControllerLock, controllerLock } from './fleet.ts';

/**
 * The controller lock of the cluster, held or released. Undefined if there never was one.
 * @throws {InvalidObjectError} when the object is not a lock.
 * @throws {NewerVersionError} when a newer imgcls wrote it.
 */
export async function readControllerLock(
  output: Store,
  signal?: AbortSignal,
): Promise<{ info: ObjectInfo; record: ControllerLock } | undefined> {
  const found = await findObject(output, CONTROLLER_LOCK_KEY, parseControllerLock, signal && { signal });
  return found && { info: found.info, record: found.value };
}

/** @throws {PoisonError} when the text is not a lock. @throws {NewerVersionError} when a newer imgcls wrote it. */
export const parseControllerLock = (text: string): ControllerLock =>
  parseVersioned(controllerLock, text, 'controller lock');

/** Whether the lock names a process of this machine that has certainly ended: the lock is free, though it has not expired. */
export const hasHolderEnded = (
  { processes }: Pick<Cloud, 'processes'>,
  { process }: ControllerLock,
): boolean => process !== undefined && processes?.hasEnded(process) === true;

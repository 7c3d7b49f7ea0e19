/** Removes what a job has outside of its folder: input objects that no other job uses, and messages. */
import type { LocalDatabase } from './database.ts';
import { releaseObjects } from './object-rows.ts';
import type { Reserve } from './reserve.ts';
import type { Sweeper } from './sweeper.ts';

/** Entries of one transaction, which takes a few milliseconds. */
const OBJECTS_AT_ONCE = 100;
const MESSAGES_AT_ONCE = 500;

/** Afterwards no file of the embedded cloud has any of it. @returns how many objects were deleted, and their bytes. */
export async function forgetJob(
  { db, sweeper, reserve }: { db: LocalDatabase; sweeper: Sweeper; reserve: Reserve },
  job: string,
  signal?: AbortSignal,
): Promise<{ objects: number; bytes: number }> {
  let [objects, bytes] = [0, 0];
  for (;;) {
    signal?.throwIfAborted();
    const released = await reserve.forDelete(() => db.write(() => releaseObjects(db, job, OBJECTS_AT_ONCE)));
    if (released === undefined) break;
    objects += released.objects;
    bytes += released.bytes;
  }
  while (await reserve.forDelete(() => db.write(() => deleteMessages(db, job)))) signal?.throwIfAborted();
  await sweeper.sweepDeleted();
  return { objects, bytes };
}

/** Deletes messages of the job's group, in every queue. @returns whether there may be more. */
function deleteMessages(db: LocalDatabase, job: string): boolean {
  const { changes } = db
    .sql(
      `DELETE FROM messages WHERE id IN (SELECT id FROM messages WHERE group_name = ? LIMIT ${MESSAGES_AT_ONCE})`,
    )
    .run(job);
  return changes === MESSAGES_AT_ONCE;
}

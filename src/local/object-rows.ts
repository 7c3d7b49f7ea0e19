/** Rows of objects, their files and the jobs that use them. Call all but `findObject` in a write transaction. */
import type { LocalDatabase } from './database.ts';

export interface ObjectPlace {
  bucket: string;
  key: string;
}

/** An object's row. `data` is undefined if it was not selected. */
export interface ObjectRow {
  key: string;
  etag: string;
  bytes: number;
  modifiedAtMs: number;
  file: string | null;
  data?: Uint8Array | null;
}

export const OBJECT_COLUMNS = 'key, etag, bytes, modified_at_ms AS modifiedAtMs, file';
const THIS_OBJECT = 'WHERE bucket = ? AND key = ?';

export function findObject(
  db: LocalDatabase,
  { bucket, key }: ObjectPlace,
  more: '' | ', data' = '',
): ObjectRow | undefined {
  const row = db.sql(`SELECT ${OBJECT_COLUMNS}${more} FROM objects ${THIS_OBJECT}`).get(bucket, key);
  return row as ObjectRow | undefined;
}

/** @returns whether there is such an object. */
export function setModified(db: LocalDatabase, { bucket, key }: ObjectPlace, nowMs: number): boolean {
  const { changes } = db.sql(`UPDATE objects SET modified_at_ms = ? ${THIS_OBJECT}`).run(nowMs, bucket, key);
  return changes > 0;
}

/** The sweeper deletes the file of this version. */
export function markFileForDeletion(db: LocalDatabase, row: ObjectRow | undefined): void {
  if (row?.file != null) db.sql('INSERT INTO doomed_files (file) VALUES (?)').run(row.file);
}

/** Deletes the object and forgets its jobs. @returns its row. */
export function deleteObject(db: LocalDatabase, place: ObjectPlace): ObjectRow | undefined {
  const row = findObject(db, place);
  markFileForDeletion(db, row);
  db.sql(`DELETE FROM objects ${THIS_OBJECT}`).run(place.bucket, place.key);
  db.sql(`DELETE FROM object_jobs ${THIS_OBJECT}`).run(place.bucket, place.key);
  return row;
}

/** Records that the job uses the object, which may be stored later. */
export function addJob(db: LocalDatabase, { bucket, key }: ObjectPlace, job: string): void {
  db.sql('INSERT INTO object_jobs (bucket, key, job) VALUES (?, ?, ?) ON CONFLICT DO NOTHING').run(
    bucket,
    key,
    job,
  );
}

/** Ends the job's use of some objects, and deletes those that no other job uses. @returns undefined if it used none. */
export function releaseObjects(
  db: LocalDatabase,
  job: string,
  most: number,
): { objects: number; bytes: number } | undefined {
  const used = db
    .sql('SELECT bucket, key FROM object_jobs WHERE job = ? LIMIT ?')
    .all(job, most) as unknown as ObjectPlace[];
  if (used.length === 0) return undefined;
  let [objects, bytes] = [0, 0];
  for (const place of used) {
    db.sql(`DELETE FROM object_jobs ${THIS_OBJECT} AND job = ?`).run(place.bucket, place.key, job);
    if (db.sql(`SELECT 1 FROM object_jobs ${THIS_OBJECT} LIMIT 1`).get(place.bucket, place.key)) continue;
    const row = deleteObject(db, place);
    if (row === undefined) continue;
    objects++;
    bytes += row.bytes;
  }
  return { objects, bytes };
}

/** What is damaged in an embedded cloud. Reads only: a doctor must not repair, migrate or create anything. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { BlobFiles } from './blob-files.ts';
import { damagedPages, toFault } from './faults.ts';
import { DatabaseSync } from './sqlite.ts';

export interface DamagedObject {
  bucket: string;
  key: string;
  damage: string;
}

export interface Inspection {
  /** Objects in files; all of them were looked at. */
  files: number;
  damaged: DamagedObject[];
}

/** Files looked at before other work of the process gets a turn. */
const FILES_A_TURN = 1000;

/**
 * Checks the pages of the database, and that each object's file is there and has its length.
 * @returns undefined if nothing was ever stored.
 * @throws {ImgclsError} of kind `permanent` if the database is damaged.
 */
export async function inspectLocalCloud(
  { dataDir, cluster }: { dataDir: string; cluster: string },
  signal: AbortSignal,
): Promise<Inspection | undefined> {
  const folder = join(dataDir, cluster);
  const file = join(folder, 'cloud.db');
  if (!existsSync(file)) return undefined;
  const files = new BlobFiles(join(folder, 'objects'));
  const damaged: DamagedObject[] = [];
  let seen = 0;
  try {
    using db = new DatabaseSync(file, { readOnly: true });
    const pages = db.prepare('PRAGMA quick_check(1)').get();
    if (pages?.quick_check !== 'ok') throw damagedPages(String(pages?.quick_check));
    const rows = db.prepare(
      'SELECT bucket, key, bytes, file FROM objects WHERE file IS NOT NULL ORDER BY bucket, key',
    );
    for (const { bucket, key, bytes, file: name } of rows.iterate()) {
      if (++seen % FILES_A_TURN === 0) await nextTurn();
      signal.throwIfAborted();
      const found = files.bytesOf(String(name));
      if (found === bytes) continue;
      const damage = found === undefined ? 'its file is gone' : `its file has ${found} of ${bytes} bytes`;
      damaged.push({ bucket: String(bucket), key: String(key), damage });
    }
  } catch (error) {
    throw toFault(error, file);
  }
  return { files: seen, damaged };
}

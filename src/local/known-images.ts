/**
 * Finds images of the ledger by their content: tables of digests and places beside the objects. Digests are in random order, so
 * that each new row of their index changes another page of the database. They are indexed for many shards at a time.
 */
import type { ClassifiedBy, KnownImages, KnownPlace, Predictions } from '../core/cloud/ports.ts';
import type { LocalDatabase } from './database.ts';

/** Images of one read, which takes about a millisecond. */
const IMAGES_A_READ = 100;

/** Shards whose images are indexed together, in about 20 ms. Until then each lookup reads them, in a millisecond or two. */
const INDEXED_SHARDS = 64;

export function knownImagesOf(db: LocalDatabase): KnownImages {
  return {
    async hasAny(by, signal) {
      signal?.throwIfAborted();
      return (await db.read(() => classifierIds(db, by))).length > 0;
    },
    async find(images, by, signal) {
      const classifiers = await db.read(() => classifierIds(db, by));
      const recent = await db.read(() => recentPlaces(db, classifiers));
      const found: (KnownPlace | undefined)[] = [];
      for (let at = 0; at < images.length; at += IMAGES_A_READ) {
        signal?.throwIfAborted();
        const page = images.slice(at, at + IMAGES_A_READ);
        found.push(
          ...(await db.read(() =>
            page.map((image) => recent.get(image) ?? newestPlace(db, image, classifiers)),
          )),
        );
      }
      return found;
    },
  };
}

/** The classifier with each number of labels that is enough. */
function classifierIds(db: LocalDatabase, { classifier, topK }: ClassifiedBy): number[] {
  const rows = db
    .sql('SELECT id FROM classifiers WHERE digest = ? AND top_k >= ? ORDER BY top_k')
    .all(classifier, topK);
  return rows.map(({ id }) => Number(id));
}

/** The newest places of the images that are not indexed yet. */
function recentPlaces(db: LocalDatabase, classifiers: readonly number[]): Map<string, KnownPlace> {
  const rows = db
    .sql(
      `SELECT key, etag, lines, classifier FROM recent_shards JOIN known_shards ON known_shards.id = shard
       WHERE json_valid(lines) ORDER BY shard`,
    )
    .all() as unknown as { key: string; etag: string; lines: string; classifier: number }[];
  const places = new Map<string, KnownPlace>();
  for (const { key, etag, lines, classifier } of rows) {
    if (!classifiers.includes(classifier)) continue;
    for (const [image, line] of Object.entries<number>(JSON.parse(lines)))
      places.set(image, { key, etag, line });
  }
  return places;
}

/** One search for each classifier: an image may be in any number of shards, and only the newest row is read. */
function newestPlace(
  db: LocalDatabase,
  image: string,
  classifiers: readonly number[],
): KnownPlace | undefined {
  for (const classifier of classifiers) {
    const row = db
      .sql(
        `SELECT key, etag, line FROM known_images JOIN known_shards ON known_shards.id = known_images.shard
         WHERE image = ? AND classifier = ? ORDER BY known_images.shard DESC LIMIT 1`,
      )
      .get(Buffer.from(image, 'hex'), classifier);
    if (row !== undefined) return row as unknown as KnownPlace;
  }
  return undefined;
}

/** Records what an object predicts, in the transaction that puts it. */
export function addPredictions(
  db: LocalDatabase,
  { key, etag }: Omit<KnownPlace, 'line'>,
  { by, images }: Predictions,
): void {
  const classifier = classifierId(db, by);
  const { lastInsertRowid: shard } = db
    .sql('INSERT INTO known_shards (key, etag) VALUES (?, ?)')
    .run(key, etag);
  const lines = JSON.stringify(Object.fromEntries(images.map(({ sha256, line }) => [sha256, line])));
  db.sql('INSERT INTO recent_shards (shard, classifier, lines) VALUES (?, ?, ?)').run(
    shard,
    classifier,
    lines,
  );
  const { count } = db.sql('SELECT count(*) AS count FROM recent_shards').get() ?? {};
  if (Number(count) >= INDEXED_SHARDS) indexRecent(db);
}

function indexRecent(db: LocalDatabase): void {
  db.sql(
    `INSERT INTO known_images (shard, line, image, classifier)
     SELECT shard, entry.value, unhex(entry.key), classifier FROM recent_shards, json_each(lines) AS entry
     WHERE json_valid(lines) ORDER BY entry.key`,
  ).run();
  db.sql('DELETE FROM recent_shards').run();
}

function classifierId(db: LocalDatabase, { classifier, topK }: ClassifiedBy): number {
  const found = db.sql('SELECT id FROM classifiers WHERE digest = ? AND top_k = ?').get(classifier, topK);
  if (found !== undefined) return Number(found.id);
  const { lastInsertRowid } = db
    .sql('INSERT INTO classifiers (digest, top_k) VALUES (?, ?)')
    .run(classifier, topK);
  return Number(lastInsertRowid);
}

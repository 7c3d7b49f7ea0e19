/** The index that finds photographs by label: tables beside the objects that it is made from. */
import {
  DamagedIndexError,
  type IndexedJob,
  type IndexedLabel,
  type Piece,
  type PiecePlace,
  type SearchIndex,
} from '../core/cloud/search-index.ts';
import { JOBS_PREFIX, jobKey, parseShardKey, resultsPrefix, shardKey } from '../core/job/keys.ts';
import type { LocalDatabase } from './database.ts';

/** Pieces of one read, which takes about a millisecond. */
const PIECES_A_READ = 32;
/** Pieces of one transaction, which overwrites about 2 MB. */
const PIECES_A_DELETE = 64;

export function searchIndexOf(db: LocalDatabase): SearchIndex {
  return {
    async completeJobs() {
      const rows = await db.read(() =>
        db
          .sql(
            // CROSS JOIN: SQLite would read all objects first.
            `SELECT record FROM searched_jobs CROSS JOIN objects
             WHERE bucket = 'output' AND key = record AND objects.etag = searched_jobs.etag`,
          )
          .all(),
      );
      return new Set(rows.map(({ record }) => jobOf(String(record))));
    },
    job: (id) => db.read(() => indexedJob(db, id)),
    async labels() {
      const rows = await db.read(() => db.sql('SELECT record, labels FROM searched_jobs').all());
      return new Map(rows.map(({ record, labels }) => [jobOf(String(record)), parseLabels(String(labels))]));
    },
    add: (piece, before, added) => db.write(() => addPiece(db, piece, before, added)),
    async setComplete(id, etag) {
      await db.write(() =>
        db
          .sql(
            `INSERT INTO searched_jobs (record, etag, labels)
             SELECT key, etag, '[]' FROM objects WHERE bucket = 'output' AND key = ? AND etag = ?
             ON CONFLICT (record) DO UPDATE SET etag = excluded.etag`,
          )
          .run(jobKey(id), etag),
      );
    },
    async *records(signal) {
      for (let after = ''; ; ) {
        signal?.throwIfAborted();
        const rows = await db.read(() => nextPieces(db, after));
        for (const row of rows) yield { ...placeOf(row), records: row.records };
        if (rows.length < PIECES_A_READ) return;
        after = rows.at(-1)?.shard ?? '';
      }
    },
    rest: ({ job, firstShard }) =>
      db.read(() => {
        const find = db.sql('SELECT texts, digests FROM searched_pieces WHERE shard = ?');
        return find.get(shardKey(job, firstShard)) as unknown as Pick<Piece, 'texts' | 'digests'> | undefined;
      }),
    async clear(signal) {
      // First: without its row a job is not in the index, whatever pieces are left of it.
      await db.write(() => db.sql('DELETE FROM searched_jobs').run());
      const deleteSome = () =>
        db
          .sql(
            `DELETE FROM searched_pieces WHERE shard IN (SELECT shard FROM searched_pieces LIMIT ${PIECES_A_DELETE})`,
          )
          .run();
      while (Number((await db.write(deleteSome)).changes) > 0) signal?.throwIfAborted();
    },
  };
}

interface PieceRow {
  shard: string;
  last: number;
  records: Uint8Array;
}

/** In the order of their jobs' ids, which begin with the time. */
const nextPieces = (db: LocalDatabase, after: string): PieceRow[] =>
  db
    .sql(
      `SELECT shard, last, records FROM searched_pieces WHERE shard > ? ORDER BY shard LIMIT ${PIECES_A_READ}`,
    )
    .all(after) as unknown as PieceRow[];

/** The job in a key below {@link JOBS_PREFIX}. */
const jobOf = (key: string): string => key.slice(JOBS_PREFIX.length, key.indexOf('/', JOBS_PREFIX.length));

function placeOf({ shard, last }: Pick<PieceRow, 'shard' | 'last'>): PiecePlace {
  const firstShard = parseShardKey(shard) ?? { attempt: 0, first: 0, last: 0 };
  return { job: jobOf(shard), firstShard, last };
}

function indexedJob(db: LocalDatabase, id: string): IndexedJob {
  const row = findRow(db, id);
  if (row === undefined) return { labels: [], ranges: [] };
  const pieces = db
    .sql('SELECT shard, last FROM searched_pieces WHERE shard BETWEEN ? AND ?')
    .all(resultsPrefix(id), `${resultsPrefix(id)}~`) as unknown as Pick<PieceRow, 'shard' | 'last'>[];
  const ranges = pieces.map(placeOf).map(({ firstShard, last }) => ({ ...firstShard, last }));
  return { labels: parseLabels(row.labels), ranges };
}

const findRow = (db: LocalDatabase, id: string): { labels: string } | undefined =>
  db.sql('SELECT labels FROM searched_jobs WHERE record = ?').get(jobKey(id)) as
    | { labels: string }
    | undefined;

/** Runs in a transaction. @returns false if the index has other labels of the job, or the piece. */
function addPiece(
  db: LocalDatabase,
  { job, firstShard, last, records, texts, digests }: Piece,
  before: readonly IndexedLabel[],
  added: readonly IndexedLabel[],
): boolean {
  const shard = shardKey(job, firstShard);
  const row = findRow(db, job);
  if ((row?.labels ?? NO_LABELS) !== formatLabels(before)) return false;
  if (row === undefined)
    db.sql('DELETE FROM searched_pieces WHERE shard BETWEEN ? AND ?').run(
      resultsPrefix(job),
      `${resultsPrefix(job)}~`,
    );
  // Deleted meanwhile: there is nothing to find, and nothing may be left of it.
  const isThere = db.sql("SELECT 1 FROM objects WHERE bucket = 'output' AND key = ?");
  if ([jobKey(job), shard].some((key) => isThere.get(key) === undefined)) return true;
  if (row === undefined || added.length > 0)
    db.sql(
      'INSERT INTO searched_jobs (record, labels) VALUES (?, ?) ON CONFLICT (record) DO UPDATE SET labels = excluded.labels',
    ).run(jobKey(job), formatLabels([...before, ...added]));
  const { changes } = db
    .sql(
      'INSERT INTO searched_pieces (shard, last, records, texts, digests) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
    )
    .run(shard, last, records, texts, digests);
  return changes > 0;
}

const formatLabels = (labels: readonly IndexedLabel[]): string =>
  JSON.stringify(labels.map(({ label, wnid }) => (wnid === undefined ? [label] : [label, wnid])));
const NO_LABELS = formatLabels([]);

function parseLabels(text: string): IndexedLabel[] {
  try {
    return (JSON.parse(text) as [string, string?][]).map(([label, wnid]) => ({ label, wnid }));
  } catch {
    throw new DamagedIndexError();
  }
}

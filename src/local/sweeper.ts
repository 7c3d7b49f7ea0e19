/** Deletes files that no object needs any more, a bounded number at a time, and overwrites deleted data in the log. */
import { open } from 'node:fs/promises';
import type { Clock } from '../core/runtime/clock.ts';
import { type BlobFiles, MOST_SHARDS } from './blob-files.ts';
import type { LocalDatabase } from './database.ts';
import { isMissingFile } from './faults.ts';
import type { Reserve } from './reserve.ts';

const SWEEP_AFTER_MS = 2_000;
const FILES_A_SWEEP = 200;
/** Orphaned files are searched for this often, among about so many files. The next search continues from there. */
const SEARCH_EVERY_MS = 600_000;
const FILES_A_SEARCH = 500;
/** A process that ends searches only so many folders: all of them would take as long as a small job. */
const SHARDS_AT_END = 4;
/** A younger file without an object may belong to a put in progress. An older one's writer is dead. */
const ORPHANED_AFTER_MS = 3_600_000;

export interface SweeperParts {
  db: LocalDatabase;
  files: BlobFiles;
  reserve: Reserve;
  clock: Pick<Clock, 'nowMs'>;
}

export class Sweeper {
  readonly #db: LocalDatabase;
  readonly #files: BlobFiles;
  readonly #reserve: Reserve;
  readonly #clock: Pick<Clock, 'nowMs'>;
  #nextShard = Math.floor(Math.random() * MOST_SHARDS);
  #nextSearchAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #closed = false;
  /** Whether deleted data may still be in the database's log. */
  #logHasDeleted = false;

  constructor({ db, files, reserve, clock }: SweeperParts) {
    this.#db = db;
    this.#files = files;
    this.#reserve = reserve;
    this.#clock = clock;
  }

  /** Call it after a put or a delete of files. Does not keep the process alive. */
  schedule(): void {
    if (this.#closed || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      // A later sweep retries what fails here (a file in use, a busy database).
      this.#running = this.#sweep().catch(() => {});
    }, SWEEP_AFTER_MS).unref();
  }

  /** Call it after objects were deleted, whose data must not stay on the disk. */
  scheduleDeleted(): void {
    this.#logHasDeleted = true;
    this.schedule();
  }

  /** Deletes all files of deleted objects, and their data in the log, now. */
  async sweepDeleted(): Promise<void> {
    this.#logHasDeleted = true;
    await this.#reserve.forDelete(async () => {
      while (await this.#runPendingDeletes());
      await this.#emptyLog();
    });
  }

  /** Runs the scheduled sweep of this process now: no file of it is left behind. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    while (await this.#runPendingDeletes().catch(() => false));
    await this.#sweep(SHARDS_AT_END).catch(() => {});
  }

  async #sweep(mostShards = MOST_SHARDS): Promise<void> {
    const more = await this.#runPendingDeletes();
    await this.#removeOrphans(mostShards);
    await this.#emptyLog();
    await this.#reserve.take();
    if (more || this.#logHasDeleted) this.schedule();
  }

  async #emptyLog(): Promise<void> {
    if (this.#logHasDeleted) this.#logHasDeleted = !(await this.#db.emptyLog());
  }

  /** True if there are more. */
  async #runPendingDeletes(): Promise<boolean> {
    const rows = await this.#db.read(() =>
      this.#db.sql('SELECT file FROM doomed_files LIMIT ?').all(FILES_A_SWEEP),
    );
    if (rows.length === 0) return false;
    // A commit reaches the disk with a delay. If its file were deleted earlier, a power loss would restore an object
    // without its bytes.
    await flushLog(this.#db.file);
    const names = rows.map(({ file }) => String(file));
    for (const name of names) await this.#files.remove(name);
    await this.#db.write(() => {
      for (const name of names) this.#db.sql('DELETE FROM doomed_files WHERE file = ?').run(name);
    });
    return rows.length === FILES_A_SWEEP;
  }

  /** Killed writers leave files without an object. */
  async #removeOrphans(mostShards: number): Promise<void> {
    if (performance.now() < this.#nextSearchAt) return;
    this.#nextSearchAt = performance.now() + SEARCH_EVERY_MS;
    const before = this.#clock.nowMs() - ORPHANED_AFTER_MS;
    const shards = await this.#files.shards();
    const most = Math.min(mostShards, shards.length);
    for (let seen = 0, searched = 0; seen < FILES_A_SEARCH && searched < most; searched++) {
      const names = await this.#files.inShard(String(shards[this.#nextShard++ % shards.length]));
      seen += names.length;
      for (const name of await this.#withoutObject(names)) {
        const writtenAtMs = await this.#files.writtenAtMs(name);
        if (writtenAtMs !== undefined && writtenAtMs < before) await this.#files.remove(name);
      }
    }
  }

  #withoutObject(names: readonly string[]): Promise<string[]> {
    const owner = this.#db.sql(
      'SELECT 1 FROM objects WHERE file = ? UNION ALL SELECT 1 FROM doomed_files WHERE file = ?',
    );
    return this.#db.read(() => names.filter((name) => owner.get(name, name) === undefined));
  }
}

/** All commits so far are in the write-ahead log, or in the database and already flushed. */
async function flushLog(database: string): Promise<void> {
  try {
    const log = await open(`${database}-wal`, 'r+');
    try {
      await log.datasync();
    } finally {
      await log.close();
    }
  } catch (error) {
    if (!isMissingFile(error)) throw error;
  }
}

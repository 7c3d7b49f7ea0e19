/** Removes files that no object needs any more, a bounded number at a time. */
import { open } from 'node:fs/promises';
import type { Clock } from '../core/runtime/clock.ts';
import { type BlobFiles, MOST_SHARDS } from './blob-files.ts';
import type { LocalDatabase } from './database.ts';
import { isMissingFile } from './faults.ts';

const SWEEP_AFTER_MS = 2_000;
const FILES_A_SWEEP = 200;
/** Strays are looked for this often, through so many files or a little more; the next look goes on from there. */
const STRAYS_EVERY_MS = 600_000;
const FILES_A_LOOK = 500;
/** A process that ends looks through so many folders of files: all of them would take as long as a small job. */
const SHARDS_AT_THE_END = 4;
/** A file without an object may be a put under way; after so long its writer is surely dead. */
const STRAY_AFTER_MS = 3_600_000;

export class Sweeper {
  readonly #db: LocalDatabase;
  readonly #files: BlobFiles;
  readonly #clock: Pick<Clock, 'nowMs'>;
  #nextShard = Math.floor(Math.random() * MOST_SHARDS);
  #nextLookAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #closed = false;

  constructor(db: LocalDatabase, files: BlobFiles, clock: Pick<Clock, 'nowMs'>) {
    this.#db = db;
    this.#files = files;
    this.#clock = clock;
  }

  /** Call it after a put or a delete of files. Keeps no process alive. */
  schedule(): void {
    if (this.#closed || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      // Housekeeping: what fails here (a file in use, a busy database) is found again by a later sweep.
      this.#running = this.#sweep().catch(() => {});
    }, SWEEP_AFTER_MS).unref();
  }

  /** Sweeps what this process still has to, so that nothing of it is left behind. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#sweep(SHARDS_AT_THE_END).catch(() => {});
  }

  async #sweep(mostShards = MOST_SHARDS): Promise<void> {
    const more = await this.#removeDoomed();
    await this.#removeStrays(mostShards);
    if (more) this.schedule();
  }

  /** True when there are more. */
  async #removeDoomed(): Promise<boolean> {
    const rows = await this.#db.read(() =>
      this.#db.sql('SELECT file FROM doomed_files LIMIT ?').all(FILES_A_SWEEP),
    );
    if (rows.length === 0) return false;
    // A commit reaches the disk some time after it was made. Were its file gone before that, a power loss would bring
    // back an object without its bytes.
    await flushLog(this.#db.file);
    const names = rows.map(({ file }) => String(file));
    for (const name of names) await this.#files.remove(name);
    await this.#db.write(() => {
      for (const name of names) this.#db.sql('DELETE FROM doomed_files WHERE file = ?').run(name);
    });
    return rows.length === FILES_A_SWEEP;
  }

  /** Writers that were killed leave files which no object names. */
  async #removeStrays(mostShards: number): Promise<void> {
    if (performance.now() < this.#nextLookAt) return;
    this.#nextLookAt = performance.now() + STRAYS_EVERY_MS;
    const before = this.#clock.nowMs() - STRAY_AFTER_MS;
    const shards = await this.#files.shards();
    const most = Math.min(mostShards, shards.length);
    for (let seen = 0, looked = 0; seen < FILES_A_LOOK && looked < most; looked++) {
      const names = await this.#files.inShard(String(shards[this.#nextShard++ % shards.length]));
      seen += names.length;
      for (const name of await this.#unknown(names)) {
        const writtenAtMs = await this.#files.writtenAtMs(name);
        if (writtenAtMs !== undefined && writtenAtMs < before) await this.#files.remove(name);
      }
    }
  }

  #unknown(names: readonly string[]): Promise<string[]> {
    const known = this.#db.sql(
      'SELECT 1 FROM objects WHERE file = ? UNION ALL SELECT 1 FROM doomed_files WHERE file = ?',
    );
    return this.#db.read(() => names.filter((name) => known.get(name, name) === undefined));
  }
}

/** Everything committed so far is in the write-ahead log, or in the database and flushed already. */
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

/** The SQLite database of an embedded cloud: opening it, short transactions, retries while it is busy. */
import { closeSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DatabaseSync as Connection, StatementSync } from 'node:sqlite';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { ImgclsError } from '../core/runtime/errors.ts';
import { isBusy, toFault } from './faults.ts';
import { makeFolder } from './make-folder.ts';
import { migrate, useLeaseClock } from './schema.ts';
import { DatabaseSync } from './sqlite.ts';

/** How long a call retries while others hold the lock. Transactions take milliseconds, so a longer lock is a fault. */
const BUSY_TIMEOUT_MS = 10_000;
/** Transactions of other processes take milliseconds; the next sweep tries again. */
const EMPTY_LOG_TIMEOUT_MS = 2_000;
/** How long this connection may block the event loop: in one transaction, or in consecutive reads. */
const TURN_MS = 4;

interface Work {
  run(): unknown;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/**
 * A connection. node:sqlite is synchronous, so all work passed in must be short. SQLite's own wait for a lock is switched
 * off, because it sleeps longer and longer and blocks the event loop. Instead, a call to a busy database is retried after
 * a millisecond or two, which also keeps one busy process from starving the others.
 */
export class LocalDatabase {
  readonly file: string;
  readonly #connection: Connection;
  readonly #busyTimeoutMs: number;
  readonly #statements = new Map<string, StatementSync>();
  readonly #waiting: Work[] = [];
  #flushing: Promise<void> | undefined;
  #readUntil = 0;
  #closed = false;

  private constructor(file: string, busyTimeoutMs: number, open: () => Connection) {
    this.file = file;
    this.#busyTimeoutMs = busyTimeoutMs;
    try {
      this.#connection = open();
    } catch (error) {
      throw toFault(error, file);
    }
  }

  /**
   * Opens the database; creates it and its folder if they do not exist.
   * @param boot the start of the machine that its leases count from.
   */
  static open(file: string, boot: string, busyTimeoutMs = BUSY_TIMEOUT_MS): LocalDatabase {
    return new LocalDatabase(file, busyTimeoutMs, () => openForWriting(file, boot, busyTimeoutMs));
  }

  /** An existing database, for a doctor: nothing is created or migrated. */
  static openReadOnly(file: string): LocalDatabase {
    return new LocalDatabase(file, BUSY_TIMEOUT_MS, () => new DatabaseSync(file, { readOnly: true }));
  }

  /** The prepared statement of a text, cached. Parameters are plain `?`: Node 22 cannot bind `?1` by position. */
  sql(text: string): StatementSync {
    let statement = this.#statements.get(text);
    if (statement === undefined) {
      statement = this.#connection.prepare(text);
      this.#statements.set(text, statement);
    }
    return statement;
  }

  /** Changes whenever another connection has committed. */
  dataVersion(): number {
    if (this.#closed) throw closedError(this.file);
    return Number(this.sql('PRAGMA data_version').get()?.data_version);
  }

  /** Runs statements that only read. Each sees one consistent state; two of them may see different states. */
  async read<T>(run: () => T): Promise<T> {
    await this.#letOthersRun();
    const giveUpAt = performance.now() + this.#busyTimeoutMs;
    for (;;) {
      if (this.#closed) throw closedError(this.file);
      try {
        return run();
      } catch (error) {
        if (!isBusy(error) || performance.now() > giveUpAt) throw toFault(error, this.file);
      }
      await shortPause();
    }
  }

  /**
   * Runs `run` in a write transaction, perhaps together with other writes of this process, and resolves after the
   * commit. An ImgclsError rolls back only the writes of `run`; any other error rolls back the whole transaction.
   */
  write<T>(run: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#closed) return reject(closedError(this.file));
      this.#waiting.push({ run, resolve: resolve as (value: unknown) => void, reject });
      this.#flushing ??= this.#flush();
    });
  }

  /**
   * Copies the write-ahead log into the database and empties it: deleted data is in neither afterwards.
   * @returns false if other processes used the database all the time.
   */
  async emptyLog(): Promise<boolean> {
    const giveUpAt = performance.now() + EMPTY_LOG_TIMEOUT_MS;
    for (;;) {
      const found = await this.read(() => this.sql('PRAGMA wal_checkpoint(TRUNCATE)').get());
      if (found?.busy === 0) return true;
      if (performance.now() > giveUpAt) return false;
      await shortPause();
    }
  }

  /** Waits for writes in progress. */
  async close(): Promise<void> {
    while (this.#flushing !== undefined) await this.#flushing;
    if (this.#closed) return;
    this.#closed = true;
    this.#connection.close();
  }

  /** Reads complete synchronously, so a loop of them would block every timer and socket of the process. */
  async #letOthersRun(): Promise<void> {
    if (performance.now() < this.#readUntil) return;
    await nextTurn();
    this.#readUntil = performance.now() + TURN_MS;
  }

  async #flush(): Promise<void> {
    let giveUpAt = performance.now() + this.#busyTimeoutMs;
    // Include other writes that start in this turn of the event loop.
    await nextTurn();
    while (this.#waiting.length > 0) {
      try {
        this.#commitWaiting();
        giveUpAt = performance.now() + this.#busyTimeoutMs;
        await nextTurn();
      } catch (error) {
        if (isBusy(error) && performance.now() < giveUpAt) await shortPause();
        else for (const work of this.#waiting.splice(0)) work.reject(toFault(error, this.file));
      }
    }
    this.#flushing = undefined;
  }

  /** Runs one transaction with as many waiting writes as its time allows. Throws only if it could not begin. */
  #commitWaiting(): void {
    this.sql('BEGIN IMMEDIATE').run();
    const endAt = performance.now() + TURN_MS;
    const taken: Work[] = [];
    const settle: (() => void)[] = [];
    try {
      while (taken.length === 0 || performance.now() < endAt) {
        const work = this.#waiting.shift();
        if (work === undefined) break;
        taken.push(work);
        settle.push(this.#attempt(work));
      }
      this.sql('COMMIT').run();
    } catch (error) {
      for (const work of taken) work.reject(toFault(error, this.file));
      this.#rollback();
      return;
    }
    for (const done of settle) done();
  }

  #rollback(): void {
    try {
      this.#connection.exec('ROLLBACK');
    } catch {
      // After some errors (a full disk) SQLite has already rolled back.
    }
  }

  /** Runs one write. The returned function settles the caller's promise; call it after the commit. */
  #attempt(work: Work): () => void {
    this.sql('SAVEPOINT work').run();
    try {
      const value = work.run();
      this.sql('RELEASE work').run();
      return () => work.resolve(value);
    } catch (error) {
      if (!(error instanceof ImgclsError)) throw error;
      this.sql('ROLLBACK TO work').run();
      this.sql('RELEASE work').run();
      return () => work.reject(error);
    }
  }
}

function openForWriting(file: string, boot: string, busyTimeoutMs: number): Connection {
  makeFolder(dirname(file));
  createPrivately(file);
  const db = new DatabaseSync(file);
  try {
    db.exec(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
    useWriteAheadLog(db, busyTimeoutMs);
    // In WAL mode, NORMAL can lose the last commits in a power loss, but never reorders them.
    // Deleted data is overwritten with zeros, and not just marked as free.
    db.exec('PRAGMA secure_delete = ON');
    db.exec('PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = 16777216; PRAGMA foreign_keys = OFF');
    db.exec('BEGIN IMMEDIATE');
    migrate(db);
    useLeaseClock(db, boot);
    db.exec('COMMIT; PRAGMA busy_timeout = 0');
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** SQLite would create it readable for all users. Its other files get the permissions of this one. */
function createPrivately(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** Switching to WAL does not wait for its lock, so processes that start at the same time may collide. */
function useWriteAheadLog(db: Connection, busyTimeoutMs: number): void {
  const giveUpAt = performance.now() + busyTimeoutMs;
  for (;;) {
    try {
      db.exec('PRAGMA journal_mode = WAL');
      return;
    } catch (error) {
      if (!isBusy(error) || performance.now() > giveUpAt) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1 + Math.random() * 5);
    }
  }
}

const shortPause = (): Promise<void> => sleep(0.5 + Math.random() * 1.5);

const closedError = (file: string): ImgclsError =>
  new ImgclsError('permanent', `The embedded cloud in ${file} is closed.`);

/** The one SQLite database of an embedded cloud: opening, short transactions, and what to do when it is busy. */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DatabaseSync as Connection, StatementSync } from 'node:sqlite';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { ImgclsError } from '../core/runtime/errors.ts';
import { isBusy, toFault } from './faults.ts';
import { migrate } from './schema.ts';
import { DatabaseSync } from './sqlite.ts';

/** How long a call keeps trying while others hold the lock. Transactions take milliseconds, so this means trouble. */
const GIVE_UP_MS = 10_000;
/** How long this connection keeps the event loop to itself: in one transaction, or in reads that follow each other. */
const TURN_MS = 4;

interface Work {
  run(): unknown;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/**
 * A connection. node:sqlite is synchronous, so every piece of work handed in must be short, and SQLite's own way of
 * waiting for a lock (sleeping, with the event loop stopped, for ever longer) is switched off: a busy database is
 * tried again after a millisecond or two, which also keeps one eager process from starving the others.
 */
export class LocalDatabase {
  readonly file: string;
  readonly #connection: Connection;
  readonly #statements = new Map<string, StatementSync>();
  readonly #waiting: Work[] = [];
  #flushing: Promise<void> | undefined;
  #readUntil = 0;
  #closed = false;

  /** Opens the database, making it and its folder where they are missing. */
  constructor(file: string) {
    this.file = file;
    try {
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      this.#connection = connect(file);
    } catch (error) {
      throw toFault(error, file);
    }
  }

  /** The prepared statement of a text, made once. Parameters are plain `?`: Node 22 cannot bind `?1` by position. */
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
    if (this.#closed) throw closed(this.file);
    return Number(this.sql('PRAGMA data_version').get()?.data_version);
  }

  /** Runs statements that only read. Each sees one consistent state; no two of them need see the same. */
  async read<T>(run: () => T): Promise<T> {
    await this.#letOthersRun();
    const giveUpAt = performance.now() + GIVE_UP_MS;
    for (;;) {
      if (this.#closed) throw closed(this.file);
      try {
        return run();
      } catch (error) {
        if (!isBusy(error) || performance.now() > giveUpAt) throw toFault(error, this.file);
      }
      await aMoment();
    }
  }

  /**
   * Runs `run` in a write transaction, perhaps together with other writes of this process; resolves once it is
   * committed. What it wrote is undone when it throws an ImgclsError, and only that; any other error undoes the
   * whole transaction.
   */
  write<T>(run: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#closed) return reject(closed(this.file));
      this.#waiting.push({ run, resolve: resolve as (value: unknown) => void, reject });
      this.#flushing ??= this.#flush();
    });
  }

  /** Waits for the writes under way. */
  async close(): Promise<void> {
    while (this.#flushing !== undefined) await this.#flushing;
    if (this.#closed) return;
    this.#closed = true;
    this.#connection.close();
  }

  /** Reads end without waiting for anything, so a loop of them would stop every timer and socket of the process. */
  async #letOthersRun(): Promise<void> {
    if (performance.now() < this.#readUntil) return;
    await nextTurn();
    this.#readUntil = performance.now() + TURN_MS;
  }

  async #flush(): Promise<void> {
    let giveUpAt = performance.now() + GIVE_UP_MS;
    // Others that are about to write in this turn of the event loop come along.
    await nextTurn();
    while (this.#waiting.length > 0) {
      try {
        this.#commitWaiting();
        giveUpAt = performance.now() + GIVE_UP_MS;
        await nextTurn();
      } catch (error) {
        if (isBusy(error) && performance.now() < giveUpAt) await aMoment();
        else for (const work of this.#waiting.splice(0)) work.reject(toFault(error, this.file));
      }
    }
    this.#flushing = undefined;
  }

  /** One transaction over as many waiting writes as its time allows. Throws only where none was begun. */
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
      // After some errors (a full disk) SQLite has rolled back by itself.
    }
  }

  /** Runs one write; answers how to tell its caller, once the transaction is committed. */
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

function connect(file: string): Connection {
  const db = new DatabaseSync(file);
  try {
    db.exec(`PRAGMA busy_timeout = ${GIVE_UP_MS}`);
    useWriteAheadLog(db);
    // In WAL mode NORMAL can lose the last commits in a power loss, never the order of what it kept.
    db.exec('PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = 16777216; PRAGMA foreign_keys = OFF');
    db.exec('BEGIN IMMEDIATE');
    migrate(db);
    db.exec('COMMIT; PRAGMA busy_timeout = 0');
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** SQLite does not wait for the lock that this one switch needs, so processes that start at once may collide. */
function useWriteAheadLog(db: Connection): void {
  const giveUpAt = performance.now() + GIVE_UP_MS;
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

const aMoment = (): Promise<void> => sleep(0.5 + Math.random() * 1.5);

const closed = (file: string): ImgclsError =>
  new ImgclsError('permanent', `The embedded cloud in ${file} is closed.`);

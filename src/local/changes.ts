/** Wakes waiters after a commit to the database by this process or another. */
import type { LocalDatabase } from './database.ts';

/** How often waiters poll for commits of other processes. A poll takes microseconds. */
const POLL_MS = 5;

/**
 * Take a mark, read the data, then wait from that mark: no change between reading and waiting is missed.
 * All waiters of a connection share one poll.
 */
export class Changes {
  readonly #db: LocalDatabase;
  readonly #waiters = new Set<() => void>();
  #mark = 0;
  #dataVersion = -1;
  #poll: NodeJS.Timeout | undefined;

  constructor(db: LocalDatabase) {
    this.#db = db;
  }

  mark(): number {
    this.#check();
    return this.#mark;
  }

  /** Call it after a commit of this connection for which others may wait. */
  notify(): void {
    this.#mark++;
    for (const wake of [...this.#waiters]) wake();
  }

  /** Resolves after a change since the mark, after `ms`, or when the signal aborts. */
  wait(mark: number, ms: number, signal?: AbortSignal): Promise<void> {
    if (mark !== this.#mark || signal?.aborted === true) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', wake);
        this.#waiters.delete(wake);
        if (this.#waiters.size === 0) {
          clearInterval(this.#poll);
          this.#poll = undefined;
        }
        resolve();
      };
      const timer = setTimeout(wake, ms);
      signal?.addEventListener('abort', wake);
      this.#waiters.add(wake);
      this.#poll ??= setInterval(() => this.#check(), POLL_MS);
    });
  }

  #check(): void {
    let version: number;
    try {
      version = this.#db.dataVersion();
    } catch {
      // The waiters wake, read the database and get the error themselves.
      this.notify();
      return;
    }
    if (version === this.#dataVersion) return;
    this.#dataVersion = version;
    this.notify();
  }
}

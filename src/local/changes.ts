/** Notices that something may have changed in the database, in this process or in another. */
import type { LocalDatabase } from './database.ts';

/** How often other processes' commits are looked for while somebody waits; a look takes microseconds. */
const POLL_MS = 5;

/**
 * Take a mark, look at the data, and wait from that mark on: no change falls between looking and waiting.
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
    this.#look();
    return this.#mark;
  }

  /** Call it after a commit of this connection that others may wait for. */
  notify(): void {
    this.#mark++;
    for (const wake of [...this.#waiters]) wake();
  }

  /** Resolves when something has changed since the mark, when `ms` have passed, or when the signal aborts. */
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
      this.#poll ??= setInterval(() => this.#look(), POLL_MS);
    });
  }

  #look(): void {
    let version: number;
    try {
      version = this.#db.dataVersion();
    } catch {
      // The waiters wake, look for themselves and hear of the trouble.
      this.notify();
      return;
    }
    if (version === this.#dataVersion) return;
    this.#dataVersion = version;
    this.notify();
  }
}

/**
 * The processes that hold leases. One that was killed cannot extend or release its leases, and needs no time to finish:
 * they end as soon as another process notices, and not when they expire.
 */
import { type KnownProcesses, locatedProcess } from '../core/runtime/located-process.ts';
import type { Changes } from './changes.ts';
import type { LocalDatabase } from './database.ts';

/** How often a process that receives looks for holders that have ended. A look reads one small file for each holder. */
export const LOOK_EVERY_MS = 500;

const HELD_BY = 'WHERE due_ms IS NOT NULL AND holder = ?';

export class LeaseHolders {
  /** This process, as messages that it receives name it; null if it cannot be known whether a process has ended. */
  readonly own: string | null;
  readonly #db: LocalDatabase;
  readonly #changes: Changes;
  readonly #processes: KnownProcesses | undefined;
  #nextLookMs = 0;

  constructor(db: LocalDatabase, changes: Changes, processes: KnownProcesses | undefined) {
    this.#db = db;
    this.#changes = changes;
    this.#processes = processes;
    this.own = processes === undefined ? null : JSON.stringify(processes.own);
  }

  /** Ends the leases of processes that have ended, in all queues. */
  async endLeasesOfEnded(): Promise<void> {
    if (this.own === null || performance.now() < this.#nextLookMs) return;
    this.#nextLookMs = performance.now() + LOOK_EVERY_MS;
    const ended = (await this.#holders()).filter((holder) => this.#hasEnded(holder));
    if (ended.length === 0) return;
    await this.#db.write(() => {
      for (const holder of ended) this.#db.sql(`UPDATE messages SET due_ms = 0 ${HELD_BY}`).run(holder);
    });
    this.#changes.notify();
  }

  /** Call it before this process ends. Then what it holds stays hidden for its time, such as a message of a newer imgcls. */
  async keepOwnHidden(): Promise<void> {
    if (this.own === null || !(await this.#holders()).includes(this.own)) return;
    await this.#db.write(() => this.#db.sql(`UPDATE messages SET holder = NULL ${HELD_BY}`).run(this.own));
  }

  async #holders(): Promise<string[]> {
    const rows = await this.#db.read(() =>
      this.#db.sql('SELECT DISTINCT holder FROM messages WHERE due_ms > 0 AND holder IS NOT NULL').all(),
    );
    return rows.map(({ holder }) => String(holder));
  }

  #hasEnded(holder: string): boolean {
    return this.#processes?.hasEnded(locatedProcess.parse(JSON.parse(holder))) === true;
  }
}

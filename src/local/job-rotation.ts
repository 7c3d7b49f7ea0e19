/**
 * Fairness between the groups of a queue.
 *
 * Every message gets a turn when it is sent: one after the last of its group, but never before the turn that the queue
 * is serving. Messages are received in the order of their turns. So the first messages of a new group stand beside
 * the next ones of a group of a million: the groups alternate, and finding the next message is one step in an index,
 * however many messages and groups there are. (This is start-time fair queueing, with every message of the same cost.)
 */
import type { LocalDatabase } from './database.ts';

/** Groups forgotten for each new one, so that the table does not grow for ever. */
const FORGET = 4;

/** Hands out the turns of one transaction's messages of one queue. Call `save` at the end. */
export class JobRotation {
  readonly #db: LocalDatabase;
  readonly #queue: { id: number; turn: number };
  readonly #last = new Map<string, number>();

  constructor(db: LocalDatabase, queue: { id: number; turn: number }) {
    this.#db = db;
    this.#queue = queue;
  }

  next(group: string | null): number {
    const name = group ?? '';
    const turn = Math.max(this.#queue.turn, this.#last.get(name) ?? this.#stored(name)) + 1;
    this.#last.set(name, turn);
    return turn;
  }

  save(): void {
    for (const [name, turn] of this.#last) {
      this.#db
        .sql(
          `INSERT INTO message_groups (queue, name, last_turn) VALUES (?, ?, ?)
           ON CONFLICT (queue, name) DO UPDATE SET last_turn = excluded.last_turn`,
        )
        .run(this.#queue.id, name, turn);
    }
  }

  #stored(name: string): number {
    const row = this.#db
      .sql('SELECT last_turn FROM message_groups WHERE queue = ? AND name = ?')
      .get(this.#queue.id, name);
    if (row !== undefined) return Number(row.last_turn);
    // A group whose last turn has been served starts at the queue's turn anyway.
    this.#db
      .sql(
        `DELETE FROM message_groups WHERE queue = ? AND name IN
         (SELECT name FROM message_groups WHERE queue = ? AND last_turn <= ? ORDER BY last_turn LIMIT ${FORGET})`,
      )
      .run(this.#queue.id, this.#queue.id, this.#queue.turn);
    return 0;
  }
}

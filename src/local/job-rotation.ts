/**
 * Fairness between the groups of a queue.
 *
 * Every message gets a turn number when it is sent: one after the last of its group, but never before the turn that the
 * queue is serving. Messages are received in the order of their turns. So the first messages of a new group have the same
 * turns as the next ones of a group of a million: the groups alternate. Finding the next message is one step in an index,
 * however many messages and groups there are. A large message takes several turns. (This is start-time fair queueing.)
 */
import type { LocalDatabase } from './database.ts';

/** Rows of old groups deleted for each new one: keeps the table small. */
const DELETED_FOR_EACH_NEW = 4;

/** Assigns turns to the messages that one transaction sends to one queue. Call `save` at the end. */
export class JobRotation {
  readonly #db: LocalDatabase;
  readonly #queue: { id: number; turn: number };
  readonly #lastTurns = new Map<string, number>();

  constructor(db: LocalDatabase, queue: { id: number; turn: number }) {
    this.#db = db;
    this.#queue = queue;
  }

  /** The first of so many turns. */
  nextTurn(group: string | null, turns: number): number {
    const name = group ?? '';
    const last = Math.max(this.#queue.turn, this.#lastTurns.get(name) ?? this.#storedTurn(name));
    this.#lastTurns.set(name, last + turns);
    return last + 1;
  }

  save(): void {
    for (const [name, turn] of this.#lastTurns) {
      this.#db
        .sql(
          `INSERT INTO message_groups (queue, name, last_turn) VALUES (?, ?, ?)
           ON CONFLICT (queue, name) DO UPDATE SET last_turn = excluded.last_turn`,
        )
        .run(this.#queue.id, name, turn);
    }
  }

  #storedTurn(name: string): number {
    const row = this.#db
      .sql('SELECT last_turn FROM message_groups WHERE queue = ? AND name = ?')
      .get(this.#queue.id, name);
    if (row !== undefined) return Number(row.last_turn);
    // A group whose last turn has been served starts at the queue's turn anyway.
    this.#db
      .sql(
        `DELETE FROM message_groups WHERE queue = ? AND name IN
         (SELECT name FROM message_groups WHERE queue = ? AND last_turn <= ? ORDER BY last_turn LIMIT ${DELETED_FOR_EACH_NEW})`,
      )
      .run(this.#queue.id, this.#queue.id, this.#queue.turn);
    return 0;
  }
}

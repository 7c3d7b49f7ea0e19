/** Creates, lists and removes the queues of an embedded cloud. */
import type { ListedQueue, Queue, QueueService, QueueSettings } from '../core/cloud/ports.ts';
import { LocalQueue, type QueueParts } from './queue.ts';

const DEFAULT_RETENTION_MS = 14 * 86_400_000;
/** How many messages of a removed queue one transaction deletes. */
const PURGED_AT_ONCE = 500;

export class LocalQueues implements QueueService {
  readonly #parts: QueueParts;

  constructor(parts: QueueParts) {
    this.#parts = parts;
  }

  open(name: string): Queue {
    return new LocalQueue(name, this.#parts);
  }

  async create(name: string, { deadLetter, retentionMs }: QueueSettings = {}): Promise<Queue> {
    const { db, clock } = this.#parts;
    await db.write(() =>
      db
        .sql(
          `INSERT INTO queues (name, created_at_ms, retention_ms, dead_letter, max_receive_count)
           VALUES (?, ?, ?, ?, ?) ON CONFLICT (name) DO NOTHING`,
        )
        .run(
          name,
          clock.nowMs(),
          retentionMs ?? DEFAULT_RETENTION_MS,
          deadLetter?.queue ?? null,
          deadLetter?.maxReceiveCount ?? null,
        ),
    );
    return this.open(name);
  }

  async remove(name: string): Promise<void> {
    const { db } = this.#parts;
    await db.write(() => db.sql('UPDATE queues SET name = NULL WHERE name = ?').run(name));
    // If the process dies in between, the next remove deletes the rest.
    while (await db.write(() => this.#purge()));
  }

  async *list(prefix: string): AsyncGenerator<ListedQueue> {
    const { db } = this.#parts;
    const rows = await db.read(() =>
      db
        .sql(
          `SELECT name, created_at_ms AS createdAtMs FROM queues
           WHERE name IS NOT NULL AND substr(name, 1, length(?)) = ? ORDER BY name`,
        )
        .all(prefix, prefix),
    );
    for (const { name, createdAtMs } of rows) yield { name: String(name), createdAtMs: Number(createdAtMs) };
  }

  /** Deletes some data of removed queues; false if there is none left. */
  #purge(): boolean {
    const { db } = this.#parts;
    const id = db.sql('SELECT id FROM queues WHERE name IS NULL LIMIT 1').get()?.id;
    if (id === undefined) return false;
    // These are the conditions of the two indexes; together they cover every message.
    for (const state of ['IS NULL', 'IS NOT NULL']) {
      const { changes } = db
        .sql(
          `DELETE FROM messages WHERE id IN
           (SELECT id FROM messages WHERE queue = ? AND due_ms ${state} LIMIT ${PURGED_AT_ONCE})`,
        )
        .run(id);
      if (changes > 0) return true;
    }
    db.sql('DELETE FROM message_groups WHERE queue = ?').run(id);
    db.sql('DELETE FROM queues WHERE id = ?').run(id);
    return true;
  }
}

/** The other operations of a queue. Each runs in one short transaction. */
import type { OutgoingMessage, QueueDepth } from '../core/cloud/ports.ts';
import type { LocalDatabase } from './database.ts';
import { JobRotation } from './job-rotation.ts';
import { messageIdOf, queueRow, wholeMs } from './queue-rows.ts';

export function insertMessages(
  db: LocalDatabase,
  name: string,
  messages: readonly OutgoingMessage[],
  { nowMs, wallMs }: { nowMs: number; wallMs: number },
): void {
  const queue = queueRow(db, name);
  const rotation = new JobRotation(db, queue);
  for (const { body, groupId = null, turns = 1, delayMs = 0 } of messages) {
    const { lastInsertRowid } = db
      .sql('INSERT INTO messages (queue, turn, due_ms, sent_at_ms, group_name) VALUES (?, ?, ?, ?, ?)')
      .run(
        queue.id,
        rotation.nextTurn(groupId, turns),
        delayMs > 0 ? wholeMs(nowMs + delayMs) : null,
        wallMs,
        groupId,
      );
    db.sql('INSERT INTO message_bodies (message, body) VALUES (?, ?)').run(lastInsertRowid, body);
  }
  rotation.save();
}

/** Returns the receipts that are no longer valid. */
export function extendLeases(
  db: LocalDatabase,
  name: string,
  receipts: readonly string[],
  { leaseMs, nowMs }: { leaseMs: number; nowMs: number },
): string[] {
  const { id: queue, turn } = queueRow(db, name);
  return receipts.filter((receipt) => {
    const { changes } =
      leaseMs > 0
        ? db
            .sql('UPDATE messages SET due_ms = ? WHERE id = ? AND queue = ? AND receipt = ?')
            .run(wholeMs(nowMs + leaseMs), messageIdOf(receipt), queue, receipt)
        : db
            .sql(
              `UPDATE messages SET due_ms = NULL, receipt = NULL, turn = max(turn, ?)
               WHERE id = ? AND queue = ? AND receipt = ?`,
            )
            .run(turn + 1, messageIdOf(receipt), queue, receipt);
    return changes === 0;
  });
}

/** Returns the receipts that are no longer valid. */
export function deleteMessages(db: LocalDatabase, name: string, receipts: readonly string[]): string[] {
  const { id: queue } = queueRow(db, name);
  return receipts.filter((receipt) => {
    const { changes } = db
      .sql('DELETE FROM messages WHERE id = ? AND queue = ? AND receipt = ?')
      .run(messageIdOf(receipt), queue, receipt);
    return changes === 0;
  });
}

export function countMessages(db: LocalDatabase, name: string, nowMs: number): QueueDepth {
  const { id } = queueRow(db, name);
  const ready = db.sql('SELECT count(*) AS count FROM messages WHERE queue = ? AND due_ms IS NULL').get(id);
  const due = db
    .sql(
      `SELECT count(*) FILTER (WHERE due_ms <= ?) AS ended,
       count(*) FILTER (WHERE due_ms > ? AND receipt IS NOT NULL) AS leased,
       count(*) FILTER (WHERE due_ms > ? AND receipt IS NULL) AS delayed
       FROM messages WHERE queue = ? AND due_ms IS NOT NULL`,
    )
    .get(nowMs, nowMs, nowMs, id);
  return {
    waiting: Number(ready?.count) + Number(due?.ended),
    inFlight: Number(due?.leased),
    delayed: Number(due?.delayed),
  };
}

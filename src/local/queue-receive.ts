/** Receiving: which message is next, whose lease it gets, and what becomes of those that nobody should get. */
import { randomBytes } from 'node:crypto';
import type { ReceivedMessage } from '../core/cloud/ports.ts';
import type { LocalDatabase } from './database.ts';
import { JobRotation } from './job-rotation.ts';
import { type QueueRow, queueIfThere, queueRow, receiptOf } from './queue-rows.ts';

/** Messages whose lease or delay ended, made ready in one receive. */
const WAKE = 100;
/** Rounds of a receive that meets only expired and dead messages, before it lets others have the database. */
const ROUNDS = 20;

interface ReadyRow {
  id: number;
  turn: number;
  receiveCount: number;
  sentAtMs: number;
  groupName: string | null;
  body: string;
}

/**
 * When a receive may find something: a time that is not after `nowMs` means at once, Infinity not before something is
 * sent. Reads only, so that waiting takes no lock.
 */
export function nextDueMs(db: LocalDatabase, name: string): number {
  const row = db
    .sql(
      `SELECT EXISTS (SELECT 1 FROM messages WHERE queue = queues.id AND due_at_ms IS NULL) AS ready,
       (SELECT min(due_at_ms) FROM messages WHERE queue = queues.id AND due_at_ms IS NOT NULL) AS dueAtMs
       FROM queues WHERE id = ?`,
    )
    .get(queueRow(db, name).id);
  if (row?.ready === 1) return 0;
  return typeof row?.dueAtMs === 'number' ? row.dueAtMs : Number.POSITIVE_INFINITY;
}

export interface Lease {
  max: number;
  leaseMs: number;
  nowMs: number;
}

/** Leases up to `max` messages. Runs in a transaction. */
export function receiveReady(
  db: LocalDatabase,
  name: string,
  { max, leaseMs, nowMs }: Lease,
): ReceivedMessage[] {
  const queue = queueRow(db, name);
  wakeDue(db, queue, nowMs);
  const random = randomBytes(9).toString('base64url');
  const received: ReceivedMessage[] = [];
  let served = queue.turn;
  for (let round = 0; round < ROUNDS && received.length < max; round++) {
    const rows = ready(db, queue, max - received.length);
    if (rows.length === 0) break;
    for (const row of rows) {
      served = Math.max(served, row.turn);
      if (row.sentAtMs + queue.retentionMs <= nowMs) {
        db.sql('DELETE FROM messages WHERE id = ?').run(row.id);
      } else if (!buried(db, queue, row)) {
        const receipt = receiptOf(row.id, random);
        db.sql(
          'UPDATE messages SET due_at_ms = ?, receipt = ?, receive_count = receive_count + 1 WHERE id = ?',
        ).run(nowMs + leaseMs, receipt, row.id);
        received.push({
          id: String(row.id),
          receipt,
          body: row.body,
          groupId: row.groupName ?? undefined,
          receiveCount: row.receiveCount + 1,
          sentAtMs: row.sentAtMs,
        });
      }
    }
  }
  if (served > queue.turn) db.sql('UPDATE queues SET turn = ? WHERE id = ?').run(served, queue.id);
  return received;
}

function ready(db: LocalDatabase, queue: QueueRow, limit: number): ReadyRow[] {
  return db
    .sql(
      `SELECT id, turn, receive_count AS receiveCount, sent_at_ms AS sentAtMs, group_name AS groupName, body
       FROM messages JOIN message_bodies ON message = id WHERE queue = ? AND due_at_ms IS NULL ORDER BY turn, id LIMIT ?`,
    )
    .all(queue.id, limit) as unknown as ReadyRow[];
}

/**
 * Makes messages ready whose lease or delay has ended. Their old turns are long over; they stand in the next one, so
 * that a group whose messages come back again and again gets no more than its share.
 * The receipt stays: its holder may still finish, as long as nobody else has received the message.
 */
function wakeDue(db: LocalDatabase, queue: QueueRow, nowMs: number): void {
  db.sql(
    `UPDATE messages SET due_at_ms = NULL, turn = max(turn, ?) WHERE id IN (SELECT id FROM messages
     WHERE queue = ? AND due_at_ms IS NOT NULL AND due_at_ms <= ? ORDER BY due_at_ms LIMIT ${WAKE})`,
  ).run(queue.turn + 1, queue.id, nowMs);
}

/** Moves a message that was received too often to the dead-letter queue; false where it may still be received. */
function buried(db: LocalDatabase, queue: QueueRow, row: ReadyRow): boolean {
  if (queue.deadLetter === null || row.receiveCount < (queue.maxReceiveCount ?? Number.POSITIVE_INFINITY))
    return false;
  const letters = queueIfThere(db, queue.deadLetter);
  // Rather received once more than lost.
  if (letters === undefined) return false;
  const turns = new JobRotation(db, letters);
  db.sql('UPDATE messages SET queue = ?, turn = ?, receipt = NULL, receive_count = 0 WHERE id = ?').run(
    letters.id,
    turns.next(row.groupName),
    row.id,
  );
  turns.save();
  return true;
}

/** Receives messages: leases the next ones, deletes expired ones, moves dead ones to the dead-letter queue. */
import { randomBytes } from 'node:crypto';
import type { ReceivedMessage } from '../core/cloud/ports.ts';
import type { LocalDatabase } from './database.ts';
import { JobRotation } from './job-rotation.ts';
import { findQueueRow, type QueueRow, queueRow, receiptOf, wholeMs } from './queue-rows.ts';

/** At most so many messages whose lease or delay has ended become ready in one receive. */
const READIED_AT_ONCE = 100;
/** After so many rounds with only expired and dead messages a receive ends, to let others use the database. */
const MAX_ROUNDS = 20;

interface ReadyRow {
  id: number;
  turn: number;
  receiveCount: number;
  sentAtMs: number;
  groupName: string | null;
  body: string;
}

/**
 * When a receive may find a message: now if the time is not after `nowMs`, after the next send if it is Infinity. Only
 * reads, so a waiting receiver takes no lock.
 */
export function nextDueMs(db: LocalDatabase, name: string): number {
  const row = db
    .sql(
      `SELECT EXISTS (SELECT 1 FROM messages WHERE queue = queues.id AND due_ms IS NULL) AS ready,
       (SELECT min(due_ms) FROM messages WHERE queue = queues.id AND due_ms IS NOT NULL) AS dueMs
       FROM queues WHERE id = ?`,
    )
    .get(queueRow(db, name).id);
  if (row?.ready === 1) return 0;
  return typeof row?.dueMs === 'number' ? row.dueMs : Number.POSITIVE_INFINITY;
}

export interface Lease {
  max: number;
  leaseMs: number;
  /** The process that receives. */
  holder: string | null;
  /** By the clock of leases, and by the wall clock. */
  nowMs: number;
  wallMs: number;
}

/** Leases up to `max` messages. Runs in a transaction. */
export function receiveReady(
  db: LocalDatabase,
  name: string,
  { max, leaseMs, holder, nowMs, wallMs }: Lease,
): ReceivedMessage[] {
  const queue = queueRow(db, name);
  makeDueReady(db, queue, nowMs);
  const random = randomBytes(9).toString('base64url');
  const received: ReceivedMessage[] = [];
  let servedTurn = queue.turn;
  for (let round = 0; round < MAX_ROUNDS && received.length < max; round++) {
    const rows = readyRows(db, queue, max - received.length);
    if (rows.length === 0) break;
    for (const row of rows) {
      servedTurn = Math.max(servedTurn, row.turn);
      if (row.sentAtMs + queue.retentionMs <= wallMs) {
        db.sql('DELETE FROM messages WHERE id = ?').run(row.id);
      } else if (!moveToDeadLetterQueue(db, queue, row)) {
        const receipt = receiptOf(row.id, random);
        db.sql(
          'UPDATE messages SET due_ms = ?, receipt = ?, holder = ?, receive_count = receive_count + 1 WHERE id = ?',
        ).run(wholeMs(nowMs + leaseMs), receipt, holder, row.id);
        received.push({
          id: String(row.id),
          receipt,
          body: row.body,
          groupId: row.groupName ?? undefined,
          receiveCount: row.receiveCount + 1,
          sentAtMs: row.sentAtMs,
          waitedMs: wallMs - row.sentAtMs,
        });
      }
    }
  }
  if (servedTurn > queue.turn) db.sql('UPDATE queues SET turn = ? WHERE id = ?').run(servedTurn, queue.id);
  return received;
}

function readyRows(db: LocalDatabase, queue: QueueRow, limit: number): ReadyRow[] {
  return db
    .sql(
      `SELECT id, turn, receive_count AS receiveCount, sent_at_ms AS sentAtMs, group_name AS groupName, body
       FROM messages JOIN message_bodies ON message = id WHERE queue = ? AND due_ms IS NULL ORDER BY turn, id LIMIT ?`,
    )
    .all(queue.id, limit) as unknown as ReadyRow[];
}

/**
 * Makes messages ready whose lease or delay has ended. Their old turns are over, so they get the next one: a group whose
 * messages are redelivered many times gets no more than its share.
 * The receipt stays valid until another worker receives the message: its holder may still finish.
 */
function makeDueReady(db: LocalDatabase, queue: QueueRow, nowMs: number): void {
  db.sql(
    `UPDATE messages SET due_ms = NULL, turn = max(turn, ?) WHERE id IN (SELECT id FROM messages
     WHERE queue = ? AND due_ms IS NOT NULL AND due_ms <= ? ORDER BY due_ms LIMIT ${READIED_AT_ONCE})`,
  ).run(queue.turn + 1, queue.id, nowMs);
}

/** Moves a message that was received too often to the dead-letter queue; false if it may still be received. */
function moveToDeadLetterQueue(db: LocalDatabase, queue: QueueRow, row: ReadyRow): boolean {
  if (queue.deadLetter === null || row.receiveCount < (queue.maxReceiveCount ?? Number.POSITIVE_INFINITY))
    return false;
  const deadLetters = findQueueRow(db, queue.deadLetter);
  // Prefer one more delivery to a lost message.
  if (deadLetters === undefined) return false;
  const rotation = new JobRotation(db, deadLetters);
  db.sql('UPDATE messages SET queue = ?, turn = ?, receipt = NULL, receive_count = 0 WHERE id = ?').run(
    deadLetters.id,
    rotation.nextTurn(row.groupName, 1),
    row.id,
  );
  rotation.save();
  return true;
}

/** The rows of queues, and the receipts of their messages. */
import { QueueMissingError } from '../core/runtime/errors.ts';
import type { LocalDatabase } from './database.ts';

export interface QueueRow {
  id: number;
  retentionMs: number;
  deadLetter: string | null;
  maxReceiveCount: number | null;
  /** The turn that is being served. */
  turn: number;
}

export function findQueueRow(db: LocalDatabase, name: string): QueueRow | undefined {
  return db
    .sql(
      `SELECT id, retention_ms AS retentionMs, dead_letter AS deadLetter, max_receive_count AS maxReceiveCount, turn
       FROM queues WHERE name = ?`,
    )
    .get(name) as QueueRow | undefined;
}

/** @throws {QueueMissingError} */
export function queueRow(db: LocalDatabase, name: string): QueueRow {
  const row = findQueueRow(db, name);
  if (row === undefined) throw new QueueMissingError(name);
  return row;
}

/** A receipt contains the id of its message: finding the message needs no index. */
export const receiptOf = (id: number, random: string): string => `${id}-${random}`;

/** The id of a receipt's message; 0, which no message has, for any other text. */
export const messageIdOf = (receipt: string): number => Number(/^(\d{1,15})-/.exec(receipt)?.[1] ?? 0);

/** The database stores whole milliseconds: a time is never earlier than it was asked for. */
export const wholeMs = (ms: number): number => Math.ceil(ms);

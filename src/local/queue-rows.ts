/** The rows of queues, and what every verb needs of them. */
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

export function queueIfThere(db: LocalDatabase, name: string): QueueRow | undefined {
  return db
    .sql(
      `SELECT id, retention_ms AS retentionMs, dead_letter AS deadLetter, max_receive_count AS maxReceiveCount, turn
       FROM queues WHERE name = ?`,
    )
    .get(name) as QueueRow | undefined;
}

/** @throws {QueueMissingError} */
export function queueRow(db: LocalDatabase, name: string): QueueRow {
  const row = queueIfThere(db, name);
  if (row === undefined) throw new QueueMissingError(name);
  return row;
}

/** A receipt names its message, so that finding it takes no index. */
export const receiptOf = (id: number, random: string): string => `${id}-${random}`;

/** The message's id in a receipt; 0, which is nobody's, in anything else. */
export const idOf = (receipt: string): number => Number(/^(\d{1,15})-/.exec(receipt)?.[1] ?? 0);

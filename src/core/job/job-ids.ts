/** The times in job ids. Pure, and without zod, because the page uses it too. */
import { decodeTime, encodeTime } from 'ulid';

/** The job of the images dropped on this day (UTC). */
export const dropJobOf = (atMs: number): string => `drop-${dayOf(atMs)}`;

/** Whether the id is of a day of dropped images. Such a job has no record, only a ledger. */
export function isDropJob(id: string): boolean {
  const atMs = beginOf(id);
  return atMs >= 0 && dropJobOf(atMs) === id;
}

/** When a job began, in milliseconds since 1970, from its id alone: the time of a ULID, or the beginning of a day. */
export const jobTimeMs = (id: string): number => (isDropJob(id) ? beginOf(id) : decodeTime(id));

/** Comparator for sorting. A day sorts among the ULIDs by its begin. */
export function newerFirst(one: string, other: string): number {
  const [oneKey, otherKey] = [sortKey(one), sortKey(other)];
  if (oneKey === otherKey) return 0;
  return oneKey < otherKey ? 1 : -1;
}

const sortKey = (id: string): string => (isDropJob(id) ? encodeTime(beginOf(id)) : id);
const beginOf = (id: string): number => Date.parse(id.replace(/^drop-(?=\d{4}-\d{2}-\d{2}$)/, ''));
const dayOf = (atMs: number): string => new Date(atMs).toISOString().slice(0, 10);

/** One machine stays if work arrives regularly: a new boot would cost as much as the idling, and people would wait for it. */
import type { Measured } from '../snapshot.ts';
import type { History } from './policy.ts';

/** Standby pays if the median pause is at most this many boot times. */
const MAX_MEDIAN_BOOTS = 3;
/** Standby lasts this many boot times, or this many times the longest of the last pauses, whichever is longer. */
const STANDBY_BOOTS = 8;
const STANDBY_PAUSES = 2;

/** Whether one machine should stay although it has no work. */
export function isWorkExpected({ pausesMs = [], sinceWorkMs }: History, { bootMs }: Measured): boolean {
  const sorted = pausesMs.toSorted((a, b) => a - b);
  const medianMs = sorted[Math.floor(sorted.length / 2)];
  const longestMs = sorted.at(-1);
  if (medianMs === undefined || longestMs === undefined || sinceWorkMs === undefined) return false;
  const isRegular = medianMs <= MAX_MEDIAN_BOOTS * bootMs;
  return isRegular && sinceWorkMs < Math.max(STANDBY_BOOTS * bootMs, STANDBY_PAUSES * longestMs);
}

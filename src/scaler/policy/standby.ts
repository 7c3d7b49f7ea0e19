/** Work that keeps coming back is waited for: a boot costs as much as the waiting, and people wait for it too. */
import type { Measured } from '../snapshot.ts';
import type { History } from './policy.ts';

/** Waiting pays where work usually is back within so many boots. */
const USUAL_BOOTS = 3;
/** It is waited for at least for so many boots, and for so many times the longest of the last pauses. */
const LEAST_BOOTS = 8;
const LONGEST_PAUSES = 2;

/** Whether one machine should stay although there is nothing to do. */
export function isWorkExpected({ pausesMs = [], sinceWorkMs }: History, { bootMs }: Measured): boolean {
  const sorted = pausesMs.toSorted((a, b) => a - b);
  const usualMs = sorted[Math.floor(sorted.length / 2)];
  const longestMs = sorted.at(-1);
  if (usualMs === undefined || longestMs === undefined || sinceWorkMs === undefined) return false;
  const isUsual = usualMs <= USUAL_BOOTS * bootMs;
  return isUsual && sinceWorkMs < Math.max(LEAST_BOOTS * bootMs, LONGEST_PAUSES * longestMs);
}

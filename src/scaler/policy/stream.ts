/** The load of work that keeps arriving. Pure. */
import { pausesMsOf, quantile } from './pauses.ts';
import type { PastArrival } from './policy.ts';

/** Work is a stream if it arrived in each of so many parts of the last time. */
const PARTS = 3;
const MIN_PART_MS = 30_000;
/** A part lasts so many usual pauses, so that it has some arrivals. */
const PAUSES_OF_PART = 2;
const MAX_PART_MS = 120_000;

/**
 * How many machines a stream keeps busy; 0 if work does not arrive steadily. One large job, or some at once, are no stream.
 * @param arrivals the latest last.
 */
export function streamLoad(arrivals: readonly PastArrival[]): number {
  const partMs = Math.max(MIN_PART_MS, PAUSES_OF_PART * medianPauseMs(arrivals));
  if (partMs > MAX_PART_MS) return 0;
  const works = Array.from({ length: PARTS }, () => 0);
  for (const { agoMs, workMs } of arrivals) {
    const part = Math.floor(agoMs / partMs);
    if (part < PARTS) works[part] = (works[part] ?? 0) + workMs;
  }
  const sorted = works.toSorted((a, b) => a - b);
  return sorted[0] === 0 ? 0 : (sorted[1] ?? 0) / partMs;
}

/** Infinity with fewer than two arrivals. */
const medianPauseMs = (arrivals: readonly PastArrival[]): number =>
  quantile(pausesMsOf(arrivals.slice(-10)), 0.5) ?? Number.POSITIVE_INFINITY;

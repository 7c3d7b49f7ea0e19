/** The load of work that keeps arriving. Pure. */

import { type PolicyConstants, policyConstants } from './constants.ts';
import { pausesMsOf, quantile } from './pauses.ts';
import type { PastArrival } from './policy.ts';

const PARTS = 3;

/**
 * How many machines a stream keeps busy; 0 if work does not arrive steadily. One large job, or some at once, are no stream.
 * @param arrivals the latest last.
 */
export function streamLoad(
  arrivals: readonly PastArrival[],
  { pausesOfPart, minPartMs, maxPartMs }: PolicyConstants = policyConstants,
): number {
  const partMs = Math.max(minPartMs, pausesOfPart * medianPauseMs(arrivals));
  if (partMs > maxPartMs) return 0;
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

/**
 * Machines stay without work if work is likely to arrive soon: then a new boot would cost as much as the idling, and people would
 * wait for it. Pure.
 */
import { pausesMsOf, quantile } from './pauses.ts';
import type { PastArrival } from './policy.ts';

/** Standby pays if the usual pause is at most this many boot times. */
const MAX_USUAL_BOOTS = 3;
/** It lasts as long as the usual pause and so many times the difference from it, and at most this many boot times. */
const STANDBY_DIFFERENCES = 15;
const STANDBY_BOOTS = 8;
/** Most pauses differ less from the usual one: a lunch break among jobs of every minute does not count. */
const DIFFERENCE_SHARE = 0.75;
/** The difference is at least the usual pause divided by the number of pauses, and by this: few are regular by chance. */
const MOST_REGULAR = 20;
const COUNTED_PAUSES = 30;

export interface StandbyInput {
  /** The latest last. */
  arrivals: readonly PastArrival[];
  bootMs: number;
  /** Work for one machine in the target time. */
  perMachineMs: number;
  /** Machines that there are. */
  present: number;
}

/** How many machines should stay although they have no work. */
export function machinesOnStandby({ arrivals, bootMs, perMachineMs, present }: StandbyInput): number {
  for (let count = present; count > 0; count--) {
    // The last of so many machines only works if an arrival needs it.
    const leastMs = (count - 1) * perMachineMs;
    const needing = count === 1 ? arrivals : arrivals.filter(({ workMs }) => workMs > leastMs);
    if (isWorkExpected(needing, bootMs)) return count;
  }
  return 0;
}

function isWorkExpected(arrivals: readonly PastArrival[], bootMs: number): boolean {
  const idleMs = arrivals.at(-1)?.agoMs;
  const pausesMs = pausesMsOf(arrivals).slice(-COUNTED_PAUSES);
  const usualMs = quantile(pausesMs, 0.5);
  if (idleMs === undefined || usualMs === undefined || usualMs > MAX_USUAL_BOOTS * bootMs) return false;
  const differencesMs = pausesMs.map((pauseMs) => Math.abs(pauseMs - usualMs));
  const leastMs = usualMs / Math.min(pausesMs.length, MOST_REGULAR);
  const differenceMs = Math.max(leastMs, quantile(differencesMs, DIFFERENCE_SHARE) ?? 0);
  return idleMs < Math.min(usualMs + STANDBY_DIFFERENCES * differenceMs, STANDBY_BOOTS * bootMs);
}

/**
 * Machines stay without work if work is likely to arrive soon: then a new boot would cost as much as the idling, and people would
 * wait for it. Pure.
 */

import { type PolicyConstants, policyConstants } from './constants.ts';
import { pausesMsOf, quantile } from './pauses.ts';
import type { PastArrival } from './policy.ts';

const COUNTED_PAUSES = 30;

export interface StandbyInput {
  /** The latest last. */
  arrivals: readonly PastArrival[];
  /** What another machine costs before it works: its boot, or the time that is billed anyway. */
  renewalMs: number;
  /** Work for one machine in the target time. */
  perMachineMs: number;
  /** Machines that there are. */
  present: number;
  constants?: PolicyConstants;
}

/** How many machines should stay although they have no work. */
export function machinesOnStandby({
  arrivals,
  renewalMs,
  perMachineMs,
  present,
  constants = policyConstants,
}: StandbyInput): number {
  for (let count = present; count > 0; count--) {
    // The last of so many machines only works if an arrival needs it.
    const leastMs = (count - 1) * perMachineMs;
    const needing = count === 1 ? arrivals : arrivals.filter(({ workMs }) => workMs > leastMs);
    if (isWorkExpected(needing, renewalMs, constants)) return count;
  }
  return 0;
}

function isWorkExpected(
  arrivals: readonly PastArrival[],
  renewalMs: number,
  { maxUsualBoots, standbyDifferences, standbyBoots, differenceShare, mostRegular }: PolicyConstants,
): boolean {
  const idleMs = arrivals.at(-1)?.agoMs;
  const pausesMs = pausesMsOf(arrivals).slice(-COUNTED_PAUSES);
  const usualMs = quantile(pausesMs, 0.5);
  if (idleMs === undefined || usualMs === undefined || usualMs > maxUsualBoots * renewalMs) return false;
  const differencesMs = pausesMs.map((pauseMs) => Math.abs(pauseMs - usualMs));
  const leastMs = usualMs / Math.min(pausesMs.length, mostRegular);
  const differenceMs = Math.max(leastMs, quantile(differencesMs, differenceShare) ?? 0);
  return idleMs < Math.min(usualMs + standbyDifferences * differenceMs, standbyBoots * renewalMs);
}

/**
 * Machines stay without work if that would have cost less in the last pauses than to launch others at their ends, waiting included.
 * Pure.
 */

import type { Measured } from '../snapshot.ts';
import { workMsOfMachine } from './backlog.ts';
import { constantsOf, type PolicyConstants } from './constants.ts';
import { pausesMsOf, quantile } from './pauses.ts';
import type { PastArrival, PolicySettings } from './policy.ts';

const COUNTED_PAUSES = 30;

export interface StandbyInput {
  /** The latest last. */
  arrivals: readonly PastArrival[];
  /** When the forecast expects work, if it does. */
  nextWorkInMs?: number | undefined;
  measured: Measured;
  settings: PolicySettings;
  /** Machines that there are, or were before one was lost. */
  present: number;
}

/** How many machines should be there although they have no work. */
export function machinesOnStandby(input: StandbyInput): number {
  for (let count = input.present; count > 0; count--) if (isWorthKeeping(count, input)) return count;
  return 0;
}

/** Whether the last of so many machines should stay. */
function isWorthKeeping(
  count: number,
  { arrivals, nextWorkInMs = Number.POSITIVE_INFINITY, measured, settings }: StandbyInput,
): boolean {
  const { bootMs } = measured;
  const constants = constantsOf(settings);
  const perMachineMs = workMsOfMachine(measured, settings);
  // It only works if an arrival needs it.
  const leastMs = (count - 1) * perMachineMs;
  const needing = arrivals
    .filter(({ workMs }) => count === 1 || workMs > leastMs)
    .map(({ agoMs, workMs }) => ({ agoMs, workMs: Math.min(workMs / count, perMachineMs) }));
  const last = needing.at(-1);
  if (last === undefined) return false;
  const pausesMs = idlePausesMs(needing);
  // Another machine costs its boot, or the time that is billed anyway. It boots while `count` machines could work.
  const renewalMs = Math.max(bootMs, settings.billingMinimumMs);
  const waitMs = (constants.waitWorth * bootMs) / count;
  const leftMs = stayMs(pausesMs, renewalMs + waitMs, constants) - (last.agoMs - last.workMs);
  // Machines that the forecast starts in time save the wait, too.
  if (nextWorkInMs > leftMs) return leftMs > 0;
  return stayMs(pausesMs, renewalMs, constants) > last.agoMs - last.workMs;
}

/** The time between arrivals without the work of the earlier one. */
const idlePausesMs = (arrivals: readonly PastArrival[]): number[] =>
  pausesMsOf(arrivals)
    .map((pauseMs, at) => Math.max(0, pauseMs - (arrivals[at]?.workMs ?? 0)))
    .slice(-COUNTED_PAUSES);

/** How long a machine waits for work: until most pauses would have ended, or not at all if that saves less than it costs. */
function stayMs(
  pausesMs: readonly number[],
  savedMs: number,
  { standbyDifferences, standbySavings, differenceShare, mostRegular }: PolicyConstants,
): number {
  const usualMs = quantile(pausesMs, 0.5);
  if (usualMs === undefined) return 0;
  const differencesMs = pausesMs.map((pauseMs) => Math.abs(pauseMs - usualMs));
  const leastMs = usualMs / Math.min(pausesMs.length, mostRegular);
  const differenceMs = Math.max(leastMs, quantile(differencesMs, differenceShare) ?? 0);
  const mostMs = Math.min(usualMs + standbyDifferences * differenceMs, standbySavings * savedMs);
  const costMs = pausesMs.reduce((sum, pauseMs) => sum + Math.min(pauseMs, mostMs), 0);
  const ended = pausesMs.filter((pauseMs) => pauseMs <= mostMs).length;
  return costMs < ended * savedMs ? mostMs : 0;
}

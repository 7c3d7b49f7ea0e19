/** Launches whose machines should be ready by now. Pure. */
import { pluralize } from '../../core/text/pluralize.ts';
import type { PolicyConstants } from './constants.ts';
import { isOverdue } from './overdue.ts';
import type { LaunchLimit } from './policy.ts';
import type { Trial } from './trial.ts';

export interface LateLaunchInput {
  /** Machines that do not work yet, of launches of which none does. */
  unproven: readonly Trial[];
  /** Machines that the cloud has not launched yet. */
  requested: number;
  /** Machines that work. */
  working: number;
  bootMs: number;
  monotonicMs: number;
  constants: PolicyConstants;
}

/**
 * Of an image that has just broken, the first batch is late before it fails. Another batch in its place would fail as well, so
 * one machine more is tried, and nothing else until one works or has failed. Undefined if no launch is late: one late machine
 * beside others that work is an accident.
 */
export function limitOfLateLaunches(input: LateLaunchInput): LaunchLimit | undefined {
  const { unproven, requested, working, bootMs, monotonicMs, constants } = input;
  const isLongerThanBoots = (ageMs: number) => isOverdue({ phase: 'booting', ageMs }, bootMs, constants);
  const lateMs = unproven
    .filter(({ readySinceMs }) => readySinceMs === undefined)
    .map(({ launchedMs }) => monotonicMs - launchedMs)
    .filter(isLongerThanBoots);
  if (lateMs.length <= (working > 0 ? 1 : 0)) return undefined;
  // One that was launched when the oldest one was late, and is late itself.
  const isTried = isLongerThanBoots(Math.max(...lateMs) - Math.min(...lateMs));
  const areOthersAwaited = requested > 0 || unproven.length > lateMs.length;
  const why = `${pluralize(lateMs.length, 'worker')} should be ready by now, so at most one more is tried`;
  return { launches: isTried || areOthersAwaited ? 0 : 1, why };
}

import { workMsOfMachine } from '../policy/backlog.ts';
import type { ExpectedWork, PolicySettings } from '../policy/policy.ts';
import type { Measured } from '../snapshot.ts';

export interface AheadInput {
  /** What is expected within a boot; undefined if nothing is. */
  expected: Pick<ExpectedWork, 'workMs'> | undefined;
  settings: PolicySettings;
  measured: Measured;
  /** Machines that there are. */
  present: number;
}

/** Machines that should be there before the work is: as many as the policy would launch for it, but none beside others. Pure. */
export function machinesAhead({ expected, settings, measured, present }: AheadInput): number {
  if (expected === undefined) return 0;
  const forWork = Math.max(1, Math.ceil(expected.workMs / workMsOfMachine(measured, settings)));
  return present === 0 ? forWork : Math.min(present, forWork);
}

import type { Policy } from './policy.ts';

/** The policy of a controller without a fleet (`--fleet none`). */
export const noMachinesPolicy: Policy = () => ({
  machines: 0,
  reason: 'this controller launches no workers (--fleet none)',
});

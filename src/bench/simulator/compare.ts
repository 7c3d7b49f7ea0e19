/** Compares policies with each other and with lower bounds, on one trace. */
import { leastMachineMs } from './cost-bound.ts';
import { leastDrainMs } from './drain-bound.ts';
import { type PolicyName, policyNames } from './rivals/rivals.ts';
import { type SimulationOptions, type SimulationResult, simulate } from './simulate.ts';
import type { Trace } from './traces.ts';

export interface Comparison extends SimulationResult {
  trace: string;
  /** Billed machine time, as a multiple of the least with which the work could have been done as early. */
  overCostBound: number | undefined;
  /** Drain time, as a multiple of the least for the same money. */
  overDrainBound: number | undefined;
}

/**
 * One run of each policy.
 * @param bounded the policies whose bounds are computed, which takes as long as a run.
 * @throws {ImgclsError} see simulate.
 */
export async function compare(
  trace: Trace,
  options: Omit<SimulationOptions, 'policy'>,
  bounded: readonly PolicyName[] = policyNames,
): Promise<Comparison[]> {
  const rows: Comparison[] = [];
  for (const policy of policyNames) {
    const result = await simulate(trace, { ...options, policy });
    rows.push(
      bounded.includes(policy)
        ? measureAgainstBounds(trace, result)
        : { ...result, trace: trace.name, overCostBound: undefined, overDrainBound: undefined },
    );
  }
  return rows;
}

export function measureAgainstBounds(trace: Trace, result: SimulationResult): Comparison {
  const { machineMs, drainMs, facts } = result;
  return {
    ...result,
    trace: trace.name,
    overCostBound: ratio(machineMs, leastMachineMs(result.busyPeriods, facts)),
    overDrainBound: ratio(drainMs, leastDrainMs(trace.arrivals, machineMs, facts)),
  };
}

/** Undefined if there is no bound. */
const ratio = (value: number, bound: number): number | undefined =>
  bound > 0 && Number.isFinite(bound) ? value / bound : undefined;

/** Policies against each other and against what would have been possible, on one trace. */
import { leastMachineMs } from './cost-bound.ts';
import { leastDrainMs } from './drain-bound.ts';
import { policyNames, type SimulationOptions, type SimulationResult, simulate } from './simulate.ts';
import type { Trace } from './traces.ts';

export interface Comparison extends SimulationResult {
  trace: string;
  /** Paid machine time, as a multiple of the least that could have been done with the work when this was. */
  overCostBound: number | undefined;
  /** Drain time, as a multiple of the least that the same money could have bought. */
  overDrainBound: number | undefined;
}

/** One run of each policy. @throws {ImgclsError} see simulate. */
export async function compare(
  trace: Trace,
  options: Omit<SimulationOptions, 'policy'>,
): Promise<Comparison[]> {
  const rows: Comparison[] = [];
  for (const policy of policyNames)
    rows.push(measureAgainstBounds(trace, await simulate(trace, { ...options, policy })));
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

/** Undefined where the bound says nothing. */
const ratio = (value: number, bound: number): number | undefined =>
  bound > 0 && Number.isFinite(bound) ? value / bound : undefined;

import { describe, expect, it } from 'vitest';
import { measureAgainstBounds } from '../../../src/bench/simulator/compare.ts';
import type { PolicyName } from '../../../src/bench/simulator/rivals/rivals.ts';
import { simulate } from '../../../src/bench/simulator/simulate.ts';
import { namedTrace, type Trace, traceNames } from '../../../src/bench/simulator/traces.ts';

const MAX_OVER_COST_BOUND = 1.25;
const MAX_OVER_DRAIN_BOUND = 1.5;

/** Claims that do not hold, by `trace: claim`, each with its reason. */
const exceptions: Readonly<Record<string, string>> = {};

/** The other rivals are compared by `imgcls bench --simulate` (docs/scaling.md): they would take most of the time of all unit tests. */
const rivals: readonly PolicyName[] = ['per-message', 'target-tracking'];

const isExcepted = (trace: string, claim: string) => Object.hasOwn(exceptions, `${trace}: ${claim}`);

describe.each(traceNames)('on the trace %s the default policy', (name) => {
  const trace = namedTrace(name) as Trace;
  const options = { max: 1000, seed: 1 };
  const ours = simulate(trace, { ...options, policy: 'backlog' });

  it.skipIf(isExcepted(name, 'bounds'))(
    'costs at most 1.25 times the least possible at its drain times, and drains in at most 1.5 times the least for its cost',
    async () => {
      const { overCostBound, overDrainBound } = measureAgainstBounds(trace, await ours);
      expect(overCostBound).toBeLessThanOrEqual(MAX_OVER_COST_BOUND);
      expect(overDrainBound).toBeLessThanOrEqual(MAX_OVER_DRAIN_BOUND);
    },
    60_000,
  );

  it.skipIf(isExcepted(name, 'others'))(
    'is beaten by no other policy in both cost and drain',
    async () => {
      const { machineMs, drainMs } = await ours;
      for (const policy of rivals) {
        const other = await simulate(trace, { ...options, policy });
        expect(
          other.machineMs < machineMs && other.drainMs < drainMs,
          `${policy} costs ${other.machineMs} and drains in ${other.drainMs}`,
        ).toBe(false);
      }
    },
    60_000,
  );
});

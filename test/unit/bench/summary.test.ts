import { describe, expect, it } from 'vitest';
import type { Comparison } from '../../../src/bench/simulator/compare.ts';
import { summaryCells } from '../../../src/bench/simulator/summary.ts';

const row = (trace: string, policy: Comparison['policy'], over: Partial<Comparison>) =>
  ({ trace, policy, machineMs: 100, drainMs: 100, meanJobMs: 100, ...over }) as Comparison;

describe('the summary of many simulated traces', () => {
  const ratios = [1.1, 1.2, 1.3, 1.4];
  const ours = ratios.map((overCostBound, at) =>
    row(`t-${at}`, 'backlog', { overCostBound, overDrainBound: at === 0 ? undefined : 2 * overCostBound }),
  );

  it('has the median, the 95th percentile and the worst ratio to the bounds, where there is a bound', () => {
    expect(summaryCells(ours)[0]?.slice(0, 4)).toEqual([
      'backlog',
      '4',
      '1.20, 1.40, 1.40',
      '2.60, 2.80, 2.80',
    ]);
  });

  it('compares each other policy on the same trace, and names the traces on which it is cheaper and faster', () => {
    const theirs = [
      row('t-0', 'keda', { machineMs: 90, drainMs: 90 }),
      row('t-1', 'keda', { machineMs: 300, drainMs: 90, meanJobMs: 200 }),
      row('t-2', 'keda', { machineMs: 90, drainMs: 300, meanJobMs: 300 }),
    ];
    const [, keda] = summaryCells([...ours, ...theirs]);
    expect(keda).toEqual(['keda', '3', '-', '-', '0.90, 3.00', '0.90, 3.00', '2.00, 3.00', 't-0']);
    expect(summaryCells([...ours, ...theirs.slice(1)])[1]?.at(-1)).toBe('none');
  });
});

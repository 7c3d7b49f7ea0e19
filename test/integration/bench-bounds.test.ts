import { describe, expect, it } from 'vitest';
import { measureAgainstBounds } from '../../src/bench/simulator/compare.ts';
import { leastMachineMs } from '../../src/bench/simulator/cost-bound.ts';
import { leastDrainMs } from '../../src/bench/simulator/drain-bound.ts';
import type { PolicyName } from '../../src/bench/simulator/rivals/rivals.ts';
import { simulate } from '../../src/bench/simulator/simulate.ts';
import { namedTrace, type Trace, traceNames } from '../../src/bench/simulator/traces.ts';

/** A machine does 10 images/s and boots in 70 s. */
const facts = { imagesPerSecond: 10, bootMs: 70_000, billingMinimumMs: 60_000 };
const period = (startS: number, endS: number, images: number) => ({
  startMs: 1000 * startS,
  endMs: 1000 * endS,
  images,
});

describe('the least cost at the drain times of a run', () => {
  it('is one boot and the work if one machine is enough', () => {
    expect(leastMachineMs([period(0, 80, 100)], facts)).toBe(80_000);
  });
  it('is as many boots as are needed to finish in time', () => {
    // 10 s are left after the boot: 3 machines do 300 images in it.
    expect(leastMachineMs([period(0, 80, 300)], facts)).toBe(3 * 70_000 + 30_000);
  });
  it('keeps a machine over a pause if the work after it was done sooner than a boot', () => {
    // A boot, twice the work, and the pause.
    expect(leastMachineMs([period(0, 80, 100), period(180, 190, 100)], facts)).toBe(190_000);
  });
  it('does not keep it if a new one is in time and cheaper', () => {
    expect(leastMachineMs([period(0, 80, 100), period(1080, 1160, 100)], facts)).toBe(160_000);
  });
});

describe('the least drain for the cost of a run', () => {
  it('is that of as many machines as the money boots, for one burst', () => {
    // 1000 s are 700 s of ten boots and 300 s of work: 70 s + 30 s.
    const drain = leastDrainMs([{ atMs: 0, images: 3000 }], 1_000_000, facts);
    expect(drain).toBeLessThanOrEqual(100_001);
    expect(drain).toBeGreaterThan(99_000);
  });
  it('has only one boot if the money keeps the machine', () => {
    const arrivals = [0, 200, 400].map((s) => ({ atMs: 1000 * s, images: 10 }));
    const drain = leastDrainMs(arrivals, 500_000, facts);
    expect(drain).toBeLessThanOrEqual(73_000);
    expect(drain).toBeGreaterThan(71_000);
  });
  it('is 0 (no bound) for too many arrivals', () => {
    const arrivals = Array.from({ length: 2000 }, (_, at) => ({ atMs: 1000 * at, images: 1 }));
    expect(leastDrainMs(arrivals, 1e9, facts)).toBe(0);
  });
});

/** The other rivals take minutes: `imgcls bench --simulate` compares them (docs/scaling.md). */
const compared: readonly PolicyName[] = ['backlog', 'per-message', 'target-tracking'];

describe('no policy is better than the bounds if all boots take the same time', () => {
  const cluster = { bootSigma: 0 };
  /** With money for any number of machines the bound on the drain is weak and slow to find. */
  const tooRich = new Set(['per-message office-day', 'per-message flash-crowd']);
  const runs = traceNames.flatMap((name) => compared.map((policy): [string, PolicyName] => [name, policy]));
  it.each(runs.filter(([name, policy]) => !tooRich.has(`${policy} ${name}`)))(
    'on %s with %s',
    async (name, policy) => {
      const trace = namedTrace(name) as Trace;
      const row = measureAgainstBounds(trace, await simulate(trace, { policy, max: 1000, seed: 1, cluster }));
      expect(row.overCostBound).toBeGreaterThan(1 - 1e-6);
      expect(row.overDrainBound).toBeGreaterThan(1 - 1e-6);
    },
    60_000,
  );
});

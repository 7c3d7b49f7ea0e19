import { describe, expect, it } from 'vitest';
import { measureAgainstBounds } from '../../../src/bench/simulator/compare.ts';
import { generateTraces } from '../../../src/bench/simulator/generators.ts';
import { type SimulationOptions, simulate } from '../../../src/bench/simulator/simulate.ts';
import type { Arrival, Trace } from '../../../src/bench/simulator/traces.ts';
import type { WorldName } from '../../../src/bench/simulator/worlds.ts';
import { quantile } from '../../../src/scaler/policy/pauses.ts';

const options = { policy: 'backlog', max: 1000, seed: 1 } as const;
const traceOf = (arrivals: readonly Arrival[], bootMs?: number): Trace => ({
  name: 'a test',
  what: '',
  arrivals,
  ...(bootMs !== undefined && { bootMs }),
});
const run = async (trace: Trace, over: Partial<SimulationOptions> = {}) =>
  measureAgainstBounds(trace, await simulate(trace, { ...options, ...over }));

describe('machines for one job alone cost at most twice the least', () => {
  it.each([
    ['err by 10 %', { countSigma: 0.1 }],
    ['are 10 s old', { countDelayMs: 10_000 }],
  ])('in 20 runs in which the counts of the queue %s', async (_, cluster) => {
    for (const images of [20, 2000])
      for (let seed = 1; seed <= 20; seed++) {
        const { overCostBound } = await run(traceOf([{ atMs: 2500, images }]), { seed, cluster });
        expect(overCostBound, `${images} images, seed ${seed}`).toBeLessThanOrEqual(2);
      }
  });

  it('if its submission takes a minute, after which it is no second job', async () => {
    const cluster = { submitMsPerThousand: 60_000 };
    const { overCostBound } = await run(traceOf([{ atMs: 2500, images: 1000 }]), { cluster });
    expect(overCostBound).toBeLessThanOrEqual(1.5);
  });

  it('if the first machine never becomes ready', async () => {
    const arrivals = Array.from({ length: 20 }, (_, at) => ({ atMs: 2500 + 60_000 * at, images: 1 }));
    for (let seed = 1; seed <= 5; seed++) {
      const { launched, wastedBoots } = await run(traceOf(arrivals, 36_000), {
        seed,
        cluster: { deadBootShare: 0.5, bootSigma: 0 },
      });
      // Each dead one is replaced once, and one that works stands by.
      expect(launched).toBe(wastedBoots + 1);
    }
  });
});

describe('over time', () => {
  it('a lunch break among jobs of every minute costs at most 1.5 times the least', async () => {
    const minutes = [
      ...Array.from({ length: 7 }, (_, at) => at),
      ...Array.from({ length: 8 }, (_, at) => 57 + at),
    ];
    const { overCostBound } = await run(
      traceOf(minutes.map((at) => ({ atMs: 2500 + 60_000 * at, images: 100 }))),
    );
    expect(overCostBound).toBeLessThanOrEqual(1.5);
  });

  it('jobs of a constant load take at most 0.35 times the 133 s that a standing queue would take', async () => {
    const arrivals = Array.from({ length: 180 }, (_, at) => ({ atMs: 2500 + 5000 * at, images: 1000 }));
    const { meanJobMs, machineMs } = await simulate(traceOf(arrivals), options);
    expect(meanJobMs).toBeLessThanOrEqual(0.35 * 133_000);
    // Five machines do the work. A sixth stays until it has done what waited for their boots.
    expect(machineMs).toBeLessThanOrEqual(1.15 * 5 * 900_000);
  });

  it('jobs of 1 to 50 times the usual cost take at most 1.15 times the machines of a policy that knows it', async () => {
    // By turns a small job of costly images and a large one of cheap images.
    const arrivals = [20, 1, 50, 1, 5, 1].map((costFactor, at) => ({
      atMs: 2500 + 1_000_000 * at,
      images: costFactor === 1 ? 20_000 : 2000,
      costFactor,
    }));
    const known = arrivals.map(({ atMs, images, costFactor }) => ({ atMs, images: images * costFactor }));
    const [ours, knowing] = await Promise.all(
      [arrivals, known].map((each) => simulate(traceOf(each), options)),
    );
    expect((ours?.machineMs ?? 0) / (knowing?.machineMs ?? 0)).toBeLessThanOrEqual(1.15);
  });

  it('no plain rule of every 10 s is cheaper and faster on a ramp', async () => {
    const trace = generateTraces(3000)[6] as Trace;
    expect(trace.name).toMatch(/^ramp-/);
    const ours = await simulate(trace, options);
    const plain = await simulate(trace, { ...options, policy: 'buildkite' });
    expect(plain.machineMs < ours.machineMs && plain.drainMs < ours.drainMs).toBe(false);
  });
});

describe('on traces of the half that no search used', () => {
  // The odd ones, one of each kind, as `npm run bench:tune` divides them; the rest takes minutes, and is judged by it.
  const half = (seed: number) => generateTraces(seed, 22).filter((_, at) => at % 2 === 1);
  const judged = half(90_000);
  const runs = new Map<string, ReturnType<typeof run>>();
  /** Runs each trace once in each world. */
  const runAll = (traces: readonly Trace[], world: WorldName) =>
    Promise.all(
      traces.map((trace) => {
        const seed = Number(trace.name.split('-').at(-1));
        const key = `${trace.name} ${world}`;
        const result = runs.get(key) ?? run(trace, { seed, world });
        runs.set(key, result);
        return result;
      }),
    );
  const median = (ratios: readonly (number | undefined)[]) =>
    quantile(
      ratios.map((ratio) => ratio ?? 1),
      0.5,
    );

  it('the policy costs at most 1.12 times the least, and takes at most 1.31 times, in the median', async () => {
    const all = await runAll(judged, 'ideal');
    expect(median(all.map(({ overCostBound }) => overCostBound))).toBeLessThanOrEqual(1.12);
    expect(median(all.map(({ overDrainBound }) => overDrainBound))).toBeLessThanOrEqual(1.31);
  }, 60_000);

  // Of irregular work single traces are worse: see docs/scaling.md.
  it.each([
    { world: 'ideal', most: { cost: 1.6, drain: 2 } },
    { world: 'unkind', most: { cost: 2, drain: 2.5 } },
  ] as const)(
    'it stays near its bounds on each trace of regular work in the $world world',
    async ({ world, most }) => {
      const regular = [...judged, ...half(1000)].filter(({ name }) => /^(burst|cron|flash|ramp)-/.test(name));
      for (const { trace, overCostBound, overDrainBound } of await runAll(regular, world)) {
        expect.soft(overCostBound, trace).toBeLessThanOrEqual(most.cost);
        expect.soft(overDrainBound, trace).toBeLessThanOrEqual(most.drain);
      }
    },
    60_000,
  );
});

// How near the bounds a policy comes that is told what none can know: whether more work will come, what its images cost, and which of
// ten settings will have been best for the trace. The bounds know the next arrival, too. Compares it with the policy on random traces.
//
//     npm run bench:told -- [--seed 90000] [--traces 55] [--world ideal]
import { parseArgs } from 'node:util';
import { type Comparison, measureAgainstBounds } from '../src/bench/simulator/compare.ts';
import { generateTraces } from '../src/bench/simulator/generators.ts';
import { type SimulationOptions, simulate } from '../src/bench/simulator/simulate.ts';
import { summaryMarkdown } from '../src/bench/simulator/summary.ts';
import type { Trace } from '../src/bench/simulator/traces.ts';
import type { WorldName } from '../src/bench/simulator/worlds.ts';
import { policyConstants } from '../src/scaler/policy/constants.ts';

const { values: flags } = parseArgs({
  options: {
    seed: { type: 'string', default: '90000' },
    traces: { type: 'string', default: '55' },
    world: { type: 'string', default: 'ideal' },
  },
  allowPositionals: true,
});
const firstSeed = Number(flags.seed);
const world = flags.world as WorldName;

/** What the told policy may choose from, after the fact. */
const kept = [undefined, 0, 1, 2, 4];
const worths = [3, 10];

const own: Comparison[] = [];
const told: Comparison[] = [];
for (const [at, trace] of generateTraces(firstSeed, Number(flags.traces)).entries()) {
  const seed = firstSeed + at;
  own.push(await run(trace, { seed }));
  told.push(await best(withKnownCosts(trace), seed));
}
console.log(`The policy:\n${summaryMarkdown(own)}\n\nThe policy that is told:\n${summaryMarkdown(told)}`);

async function run(trace: Trace, options: Pick<SimulationOptions, 'seed' | 'settings' | 'keep'>) {
  return measureAgainstBounds(
    trace,
    await simulate(trace, { policy: 'backlog', max: 1000, world, ...options }),
  );
}

async function best(trace: Trace, seed: number): Promise<Comparison> {
  const runs: Comparison[] = [];
  for (const keep of kept)
    for (const waitWorth of worths) {
      // Without its own standby, unless that is the choice.
      const standby = keep === undefined ? {} : { standbySavings: 0 };
      const constants = { ...policyConstants, waitWorth, ...standby };
      runs.push(await run(trace, { seed, settings: { constants }, keep: keep ?? 0 }));
    }
  return runs.reduce((least, each) => (loss(each) < loss(least) ? each : least));
}

/** The same work in images of the usual cost. */
function withKnownCosts({ arrivals, ...trace }: Trace): Trace {
  const inUsual = arrivals.map(({ atMs, images, costFactor = 1 }) => ({
    atMs,
    images: Math.round(images * costFactor),
  }));
  return { ...trace, arrivals: inUsual };
}

/** A run without a bound on its drain is the last choice. */
function loss({ overCostBound = 1, overDrainBound = Number.POSITIVE_INFINITY }: Comparison): number {
  return Math.log(overCostBound) + Math.log(overDrainBound);
}

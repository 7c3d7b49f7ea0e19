// Searches better constants of the scaling policy: steps from the present ones at random, kept if they are better on every other of
// the generated traces, in both worlds. The traces between are not searched on, and say whether the result is better at all. With no
// steps it only judges the present ones.
//
//     npm run bench:tune -- [--seed 1000] [--traces 88] [--steps 40] [--search 1]
import { parseArgs } from 'node:util';
import { Random } from '../src/bench/random.ts';
import { measureAgainstBounds } from '../src/bench/simulator/compare.ts';
import { generateTraces } from '../src/bench/simulator/generators.ts';
import { simulate } from '../src/bench/simulator/simulate.ts';
import type { Trace } from '../src/bench/simulator/traces.ts';
import { type WorldName, worlds } from '../src/bench/simulator/worlds.ts';
import { type PolicyConstants, policyConstants } from '../src/scaler/policy/constants.ts';

/** A step multiplies one constant by a lognormal factor of this sigma. */
const STEP_SIGMA = 0.5;
/** A candidate that is worse after so many runs is given up. */
const RUNS_BEFORE_GIVING_UP = 24;

interface Run {
  trace: Trace;
  seed: number;
  world: WorldName;
}

interface Score {
  /** Of each run: the less, the better. */
  losses: number[];
  costs: number[];
  drains: number[];
}

const { values: flags } = parseArgs({
  options: {
    seed: { type: 'string', default: '1000' },
    traces: { type: 'string', default: '88' },
    steps: { type: 'string', default: '40' },
    search: { type: 'string', default: '1' },
  },
  allowPositionals: true,
});
const seed = Number(flags.seed);
const runs = generateTraces(seed, Number(flags.traces)).flatMap((trace, at) =>
  (Object.keys(worlds) as WorldName[]).map((world): Run & { at: number } => ({
    trace,
    seed: seed + at,
    world,
    at,
  })),
);
const searched = runs.filter(({ at }) => at % 2 === 0);
const judged = runs.filter(({ at }) => at % 2 === 1);

const found = await search();
const candidates = { present: policyConstants, ...(found !== policyConstants && { found }) };
for (const [half, its] of Object.entries({ searched, judged }))
  for (const [name, constants] of Object.entries(candidates))
    for (const world of Object.keys(worlds))
      report(
        `${half}, ${world}, ${name}`,
        await scoreOf(
          constants,
          its.filter((run) => run.world === world),
        ),
      );
console.log(JSON.stringify(found, null, 2));

async function search(): Promise<PolicyConstants> {
  const random = new Random(Number(flags.search));
  const names = Object.keys(policyConstants) as (keyof PolicyConstants)[];
  let best = policyConstants;
  let bestScore = await scoreOf(best, searched);
  report('present', bestScore);
  for (let step = 1; step <= Number(flags.steps); step++) {
    const name = names[random.below(names.length)] as keyof PolicyConstants;
    const candidate = { ...best, [name]: Number(random.lognormal(best[name], STEP_SIGMA).toPrecision(2)) };
    const score = await scoreOf(candidate, searched, bestScore.losses);
    const isBetter = score.losses.length === searched.length && mean(score.losses) < mean(bestScore.losses);
    report(`${isBetter ? 'better' : 'worse'}: ${name} ${candidate[name]}`, score);
    if (isBetter) [best, bestScore] = [candidate, score];
  }
  return best;
}

/** @param toBeat losses of the same runs; a candidate that cannot beat them is given up. */
async function scoreOf(
  constants: PolicyConstants,
  its: readonly Run[],
  toBeat?: readonly number[],
): Promise<Score> {
  const score: Score = { losses: [], costs: [], drains: [] };
  for (const run of its) {
    const options = { policy: 'backlog', max: 1000, settings: { constants } } as const;
    const result = await simulate(run.trace, { ...options, seed: run.seed, world: run.world });
    const { overCostBound = 1, overDrainBound = 1 } = measureAgainstBounds(run.trace, result);
    score.costs.push(overCostBound);
    score.drains.push(overDrainBound);
    score.losses.push(loss(overCostBound) + loss(overDrainBound));
    const { length } = score.losses;
    const isHopeless = toBeat !== undefined && mean(score.losses) > mean(toBeat.slice(0, length));
    if (length % RUNS_BEFORE_GIVING_UP === 0 && isHopeless) break;
  }
  return score;
}

/** Far from the bound counts more than in proportion. */
function loss(ratio: number): number {
  const log = Math.log(ratio);
  return log + log ** 2;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function report(what: string, { losses, costs, drains }: Score): void {
  const quantiles = (values: readonly number[]) =>
    [0.5, 0.95]
      .map((share) => values.toSorted((a, b) => a - b)[Math.ceil(share * values.length) - 1]?.toFixed(3))
      .join(' and ');
  const figures = `cost ${quantiles(costs)}, drain ${quantiles(drains)}`;
  console.log(`${what}: loss ${mean(losses).toFixed(4)} over ${losses.length} runs, ${figures}`);
}

import { describe, expect, it } from 'vitest';
import { simulate } from '../../../../src/bench/simulator/simulate.ts';
import type { Arrival } from '../../../../src/bench/simulator/traces.ts';
import type { WorldName } from '../../../../src/bench/simulator/worlds.ts';
import { decide } from '../../../../src/scaler/policy/decide.ts';
import type { PolicySettings } from '../../../../src/scaler/policy/policy.ts';
import type { Machine, UnfinishedJob } from '../../../../src/scaler/snapshot.ts';

const MINUTE = 60_000;
const settings: PolicySettings = {
  policy: 'backlog',
  min: 0,
  max: 100,
  maxLaunchPerTick: 100,
  cooldownMs: 0,
  idleMs: undefined,
  targetMs: 120_000,
  billingMinimumMs: MINUTE,
  hourlyUsd: 0.1,
  maxHourlyCostUsd: undefined,
  maxJobCostUsd: undefined,
};
const job = (changes: Partial<UnfinishedJob> = {}): UnfinishedJob => ({
  id: 'J',
  totalImages: 20_000,
  doneImages: 0,
  costUsd: 0,
  ...changes,
});
const busy = (count: number): Machine[] =>
  Array.from({ length: count }, (_, n) => ({
    id: `m-${n}`,
    phase: 'busy',
    phaseForMs: MINUTE,
    ageMs: 5 * MINUTE,
    managed: true,
  }));

/** At 40 images/s and a boot of 60 s. */
function decision(
  jobs: readonly UnfinishedJob[],
  machines: readonly Machine[] = [],
  more: Partial<PolicySettings> = {},
) {
  const images = jobs.reduce((sum, { totalImages = 0, doneImages }) => sum + totalImages - doneImages, 0);
  return decide(
    {
      backlog: { waiting: Math.ceil(images / 16), inFlight: 0, delayed: 0, images },
      machines,
      jobs,
      measured: { imagesPerSecond: 40, bootMs: MINUTE },
      throughputImagesPerSecond: 40 * machines.length,
    },
    { ...settings, ...more },
    { sinceLaunchMs: undefined, recentlyNeeded: 0, arrivals: [] },
  );
}

describe('a job with a deadline', () => {
  it.each([
    ['a far one gets one machine', 60 * MINUTE, 1],
    ['a nearer one gets more', 5 * MINUTE, 3],
    ['one sooner than the target gets more than without', 1.5 * MINUTE, 24],
  ])('%s', (_, dueInMs, machines) => {
    expect(decision([job()]).launch).toBe(9);
    expect(decision([job({ dueInMs })]).launch).toBe(machines);
  });

  it('gets one more machine if those at work are too slow, and none if they are not', () => {
    expect(decision([job({ dueInMs: 10 * MINUTE })], busy(1)).launch).toBe(0);
    expect(decision([job({ dueInMs: 8 * MINUTE })], busy(1)).launch).toBe(1);
  });

  it('takes no machine from jobs without one', () => {
    const other = job({ id: 'K' });
    expect(decision([job({ dueInMs: 60 * MINUTE }), other]).launch).toBe(1 + decision([other]).launch);
  });

  it('says why, and warns if it will be late: with too few machines, and without time for a boot', () => {
    const far = decision([job({ dueInMs: 60 * MINUTE })]);
    expect(far.reason).toBe('20000 images with deadlines within 60 min need 1 worker at 40 images/s each');
    expect(far.warnings).toEqual([]);
    const few = decision([job({ dueInMs: 5 * MINUTE })], [], { max: 1 });
    expect(few.reason).toMatch(/--max allows 1/);
    expect(few.warnings).toEqual([
      'Job J will miss its deadline in 5 min: it will be done about 4 min late.',
    ]);
    const soon = decision([job({ dueInMs: MINUTE / 2 })]);
    expect(soon.launch).toBe(9);
    expect(soon.warnings).toEqual(['Job J will miss its deadline in 30 s: it will be done about 86 s late.']);
    expect(decision([job({ dueInMs: -MINUTE })]).warnings).toEqual([
      'Job J has missed its deadline 60 s ago.',
    ]);
  });
});

describe('a job with a limit of cost', () => {
  it('gets only machines that its limit pays for, and none once it has reached it', () => {
    expect(decision([job({ maxCostUsd: 0.02 })])).toMatchObject({
      launch: 2,
      warnings: ['Job J has $0.0200 left of --max-cost $0.0200, which pays for 2 machines.'],
    });
    const reached = decision([job({ maxCostUsd: 0.02, costUsd: 0.02 })], busy(1));
    expect(reached.retire).toEqual(['m-0']);
    expect(reached.warnings).toEqual([
      'Job J has reached --max-cost $0.0200: it has cost $0.0200. Its remaining images wait. Run "imgcls resume J --max-cost USD" with more, or cancel the job.',
    ]);
  });

  it('stops no other job, also if the price of a machine is unknown', () => {
    const other = job({ id: 'K' });
    const alone = decision([other]).launch;
    expect(decision([job({ maxCostUsd: 0.02, costUsd: 0.02 }), other]).launch).toBe(alone);
    const unpriced = decision([job({ maxCostUsd: 0.02 }), other], [], { hourlyUsd: undefined });
    expect(unpriced.launch).toBe(alone);
    expect(unpriced.warnings).toEqual([
      'No machine is launched for job J: it has --max-cost, and the price of a machine is unknown (set pricePerHour).',
    ]);
  });
});

describe('in a simulated cluster', () => {
  const run = (arrival: Partial<Arrival>, world: WorldName, seed: number) =>
    simulate(
      { name: 'one', what: 'one job', arrivals: [{ atMs: 2500, images: 20_000, ...arrival }] },
      { policy: 'backlog', max: 100, seed, world },
    );

  it.each(['ideal', 'unkind'] as const)(
    'a deadline is met for less than without one (%s world)',
    async (world) => {
      for (const seed of [1, 2, 3]) {
        const dueInMs = 20 * MINUTE;
        const [free, due] = [await run({}, world, seed), await run({ dueInMs }, world, seed)];
        expect(due.p95JobMs).toBeLessThanOrEqual(dueInMs);
        expect(due.costUsd).toBeLessThan(free.costUsd);
      }
    },
    60_000,
  );
});

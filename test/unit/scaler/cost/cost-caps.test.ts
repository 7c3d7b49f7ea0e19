/** What caps on cost hold, in worlds where machines are late, broken, lost or hang. */
import { describe, expect, it } from 'vitest';
import { JobWorld, type JobWorldOptions } from '../job-world.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** A minute of a machine of $0.36 an hour. */
const MINIMUM_USD = 0.006;
const CAP_USD = 0.05;

async function capped(options: JobWorldOptions, forMs = HOUR): Promise<JobWorld> {
  const world = new JobWorld({ ...options, settings: { maxJobCostUsd: CAP_USD, ...options.settings } });
  await world.run(forMs);
  return world;
}
const one = (images: number) => [{ id: 'A', images }];
const warnings = (world: JobWorld): string => world.reports.flatMap((report) => report.warnings).join('\n');

describe('--max-job-cost', () => {
  it.each<[string, JobWorldOptions, number]>([
    ['A: at once', { jobs: one(20_000) }, HOUR],
    [
      'B: listed up to 15 s late',
      { jobs: one(20_000), listedAfterMs: (n) => 300 + ((n * 3700) % 14_700) },
      HOUR,
    ],
    ['C: never ready, in three hours', { jobs: one(200), isBroken: () => true }, 3 * HOUR],
    ['F: all hang', { jobs: one(20_000), hangsAtMs: () => 100_000 }, HOUR],
    [
      'G: lost every two minutes',
      { jobs: one(20_000), lostAtMs: (n) => MINUTE + ((n * 47_000) % (2 * MINUTE)) },
      HOUR,
    ],
  ])('pays at most the cap and a minute for machines (%s)', async (_, options, forMs) => {
    const world = await capped(options, forMs);
    expect(world.paidUsd).toBeLessThanOrEqual(CAP_USD + MINIMUM_USD);
    expect(world.up).toEqual([]);
    expect(warnings(world)).toMatch(/Job A has reached --max-job-cost \$0\.0500: it has cost \$0\.0\d+\./);
  });

  it('holds for each of two jobs: no money of one pays for the other (D)', async () => {
    const world = await capped({ jobs: ['A', 'B'].map((id) => ({ id, images: 20_000 })) });
    expect(world.paidUsd).toBeLessThanOrEqual(2 * CAP_USD + MINIMUM_USD);
    for (const usd of Object.values(world.costs)) expect(usd).toBeLessThanOrEqual(CAP_USD + MINIMUM_USD);
  });

  it('stops a large job, and not the small ones that come after it (E)', async () => {
    const small = Array.from({ length: 20 }, (_, n) => ({
      id: `S${n}`,
      images: 100,
      atMs: (n + 1) * 4 * MINUTE,
    }));
    const world = await capped({ jobs: [{ id: 'A', images: 100_000 }, ...small] }, 2 * HOUR);
    for (const usd of Object.values(world.costs)) expect(usd).toBeLessThanOrEqual(CAP_USD + MINIMUM_USD);
    expect(small.map(({ id }) => world.left.get(id))).toEqual(small.map(() => 0));
    expect(world.left.get('A')).toBeGreaterThan(0);
    expect(warnings(world)).toContain('Job A has reached');
  });

  it.each([
    [0.02, 4000],
    [0.03, 8000],
    [0.05, 15_500],
    [0.062, 20_000],
    [0.08, 20_000],
    [0.1, 20_000],
    [0.13, 20_000],
  ])('of $%d buys at least %i of 20,000 images: work before boots', async (maxJobCostUsd, least) => {
    const world = new JobWorld({ jobs: one(20_000), settings: { maxJobCostUsd } });
    await world.run(HOUR);
    expect(20_000 - (world.left.get('A') ?? 0)).toBeGreaterThanOrEqual(least);
    expect(world.paidUsd).toBeLessThanOrEqual(maxJobCostUsd + MINIMUM_USD);
  });

  it('spends nothing of a job that is nearly at its cap on the machines of the next one, and retires none of those', async () => {
    const cap = { settings: { maxJobCostUsd: 0.029, max: 20 }, hourlyUsd: 0.0447, bootMs: 29_000 };
    const jobs = [
      { id: 'A', images: 25_000 },
      { id: 'B', images: 24_000, atMs: 40 * MINUTE },
    ];
    const world = await capped({ ...cap, jobs, listedAfterMs: () => 500, isBroken: () => true });
    expect(world.costs.A).toBeLessThanOrEqual(0.029 + 0.0447 / 60);
    expect(world.paidUsd).toBeLessThanOrEqual(2 * (0.029 + 0.0447 / 60));
    // Launched and retired by turns, B had 22 launches.
    expect(world.launches.filter(({ atMs }) => atMs >= world.startMs + 40 * MINUTE).length).toBeLessThan(5);
  });
});

describe('--max-hourly-cost', () => {
  it.each([
    [0.3, 0.1, 3],
    [0.7, 0.1, 7],
    [0.69, 0.023, 30],
    [1.08, 0.36, 3],
  ])('of $%d allows machines of $%d an hour: %i (H)', async (maxHourlyCostUsd, hourlyUsd, machines) => {
    const world = new JobWorld({ jobs: one(1_000_000), hourlyUsd, settings: { maxHourlyCostUsd } });
    await world.run(5 * MINUTE);
    expect(world.peak).toBe(machines);
  });

  it('is obeyed at once when a new controller has a lower one, with a warning', async () => {
    const world = new JobWorld({ jobs: one(1_000_000) });
    await world.run(5 * MINUTE);
    expect(world.up).toHaveLength(50);
    Object.assign(world.settings, { maxHourlyCostUsd: 1 });
    world.controller = world.newController();
    await world.run(10_000);
    expect(world.up).toHaveLength(2);
    expect(warnings(world)).toContain('The cost cap is reached: --max-hourly-cost $1.00 allows 2 machines');
  });
});

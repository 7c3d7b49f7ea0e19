/** What caps on cost hold, in worlds where machines are late, broken, lost or hang. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JobWorld, type JobWorldOptions } from './job-world.ts';

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

  it('launches nothing for a job past its cap, whatever the jobs, prices and faults', async () => {
    const job = fc.record({ images: fc.integer({ min: 1, max: 30_000 }), atMs: fc.nat(HOUR) });
    const world = fc.record({
      jobs: fc.array(job, { minLength: 1, maxLength: 4 }),
      maxJobCostUsd: fc.double({ min: 0.001, max: 0.2, noNaN: true }),
      bootMs: fc.integer({ min: 5000, max: 180_000 }),
      hourlyUsd: fc.double({ min: 0.01, max: 1, noNaN: true }),
      lateMs: fc.nat(15_000),
      lostMs: fc.option(fc.integer({ min: MINUTE, max: HOUR }), { nil: Number.POSITIVE_INFINITY }),
      isBroken: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(
        world,
        async ({ jobs, maxJobCostUsd, bootMs, hourlyUsd, lateMs, lostMs, isBroken }) => {
          const made = new JobWorld({
            jobs: jobs.map((each, n) => ({ ...each, id: `J${n}` })),
            settings: { maxJobCostUsd, max: 20 },
            bootMs,
            hourlyUsd,
            listedAfterMs: () => lateMs,
            lostAtMs: () => lostMs,
            isBroken: () => isBroken,
          });
          for (let tick = 0; tick < 1200; tick++) {
            const before = made.launches.length;
            const spent = { ...made.reports.at(-1)?.cost?.byJobUsd };
            await made.run(5000);
            for (const { unfinished } of made.launches.slice(before))
              expect(unfinished.some((id) => (spent[id] ?? 0) < maxJobCostUsd)).toBe(true);
          }
          const minimumUsd = (hourlyUsd * MINUTE) / HOUR;
          expect(made.paidUsd).toBeLessThanOrEqual(jobs.length * (maxJobCostUsd + minimumUsd));
        },
      ),
      { numRuns: 25, seed: 16 },
    );
  }, 120_000);
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

/** What --max-job-cost holds in any world. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { JobWorld, TICK_MS } from '../unit/scaler/job-world.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** All jobs come in the first hour, and end or are capped in the second. */
const TICKS = (2 * HOUR) / TICK_MS;

const job = fc.record({ images: fc.integer({ min: 1, max: 30_000 }), atMs: fc.nat(HOUR) });
const anyWorld = fc.record({
  jobs: fc.array(job, { minLength: 1, maxLength: 4 }),
  maxJobCostUsd: fc.double({ min: 0.001, max: 0.2, noNaN: true }),
  bootMs: fc.integer({ min: 5000, max: 180_000 }),
  hourlyUsd: fc.double({ min: 0.01, max: 1, noNaN: true }),
  lateMs: fc.nat(15_000),
  lostMs: fc.option(fc.integer({ min: MINUTE, max: HOUR }), { nil: Number.POSITIVE_INFINITY }),
  isBroken: fc.boolean(),
});

it('no machine is launched for a job past its cap, and each job pays at most its cap and a minute of a machine', async () => {
  await fc.assert(
    fc.asyncProperty(
      anyWorld,
      async ({ jobs, maxJobCostUsd, bootMs, hourlyUsd, lateMs, lostMs, isBroken }) => {
        const world = new JobWorld({
          jobs: jobs.map((each, n) => ({ ...each, id: `J${n}` })),
          settings: { maxJobCostUsd, max: 20 },
          bootMs,
          hourlyUsd,
          listedAfterMs: () => lateMs,
          lostAtMs: () => lostMs,
          isBroken: () => isBroken,
        });
        for (let tick = 0; tick < TICKS; tick++) {
          const before = world.launches.length;
          const spent = { ...world.reports.at(-1)?.cost?.byJobUsd };
          await world.run(TICK_MS);
          for (const { unfinished } of world.launches.slice(before)) {
            // Another one stood by for the next job, and was lost.
            if (unfinished.length === 0) continue;
            expect(unfinished.some((id) => (spent[id] ?? 0) < maxJobCostUsd)).toBe(true);
          }
        }
        const mostUsd = maxJobCostUsd + (hourlyUsd * MINUTE) / HOUR;
        for (const usd of Object.values(world.costs)) expect(usd).toBeLessThanOrEqual(mostUsd);
        // Machines that idle between two jobs belong to none.
        const idleUsd = (hourlyUsd * world.idleMs) / HOUR;
        expect(world.paidUsd - idleUsd).toBeLessThanOrEqual(jobs.length * mostUsd);
      },
    ),
    // A world takes a twentieth of a second, and to shrink one would take thousands of them.
    { numRuns: 150, endOnFailure: true },
  );
});

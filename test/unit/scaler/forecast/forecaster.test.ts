import { ulid } from 'ulid';
import { describe, expect, it } from 'vitest';
import { InvalidObjectError } from '../../../../src/core/runtime/errors.ts';
import { noLog } from '../../../../src/core/runtime/log.ts';
import type { LoggedArrival } from '../../../../src/scaler/forecast/arrivals.ts';
import { Forecaster } from '../../../../src/scaler/forecast/forecaster.ts';
import { machinesAhead } from '../../../../src/scaler/forecast/machines-ahead.ts';
import type { PolicySettings } from '../../../../src/scaler/policy/policy.ts';
import type { Arrived } from '../../../../src/scaler/snapshot.ts';

const SECOND = 1000;
const HOUR = 3_600_000;
const BOOT = { bootMs: 70 * SECOND, billingMinimumMs: 60 * SECOND };
const NOTHING: Arrived = { jobs: 0, ids: [], workMs: 0 };

/** The shared log, and controllers that read and write it. */
class World {
  nowMs = Date.UTC(2026, 5, 1);
  stored: readonly LoggedArrival[] | undefined;
  writes = 0;
  warnings: string[] = [];

  async controller(read = async () => this.stored): Promise<Forecaster> {
    const forecaster = new Forecaster({
      read,
      write: async (arrivals) => {
        this.stored = arrivals;
        this.writes++;
      },
      clock: { nowMs: () => this.nowMs, monotonicMs: () => this.nowMs },
      log: { ...noLog, warn: (_, text) => this.warnings.push(text) },
    });
    await forecaster.begin(1);
    return forecaster;
  }

  /** A job of this time that a controller sees for the first time. */
  job(createdAtMs = this.nowMs): Arrived {
    return { jobs: 1, ids: [ulid(createdAtMs)], workMs: 1000 };
  }

  /** Work at the start of each of some hours. */
  async hours(forecaster: Forecaster, count: number): Promise<void> {
    for (let hour = 0; hour < count; hour++) {
      forecaster.observe(this.job(), BOOT);
      await forecaster.write();
      this.nowMs += HOUR;
    }
  }
}

describe('a controller', () => {
  it('expects what an earlier controller has seen', async () => {
    const world = new World();
    await world.hours(await world.controller(), 4);
    world.nowMs -= 60 * SECOND;
    const next = await world.controller();
    next.observe(NOTHING, BOOT);
    expect(next.due).toMatchObject({ rhythm: 'every hour, 4 of the last 4 times' });
  });

  it('takes a job that it finds unfinished for no second arrival, and one of the time without a controller for one', async () => {
    const world = new World();
    const job = world.job();
    const first = await world.controller();
    first.observe(job, BOOT);
    await first.write();
    const createdAtMs = world.nowMs + HOUR;
    world.nowMs += 2 * HOUR;
    const next = await world.controller();
    next.observe({ jobs: 2, ids: [...job.ids, ulid(createdAtMs)], workMs: 2000 }, BOOT);
    await next.write();
    expect(world.stored?.map(({ atMs }) => atMs)).toEqual([createdAtMs - HOUR, createdAtMs]);
  });

  it('adds the work of a job that is sealed later, and writes at most once a minute', async () => {
    const world = new World();
    const forecaster = await world.controller();
    for (const workMs of [0, 300, 700]) {
      forecaster.observe(workMs === 0 ? { ...world.job(), workMs } : { ...NOTHING, workMs }, BOOT);
      await forecaster.write();
      world.nowMs += 5 * SECOND;
    }
    expect(world.writes).toBe(1);
    world.nowMs += 60 * SECOND;
    await forecaster.write();
    expect(world.stored?.map(({ workMs }) => workMs)).toEqual([1000]);
  });

  it('keeps its machines until the work that came as expected is in the queue', async () => {
    const world = new World();
    const forecaster = await world.controller();
    await world.hours(forecaster, 4);
    forecaster.observe(NOTHING, BOOT);
    expect(forecaster.due).toBeDefined();
    forecaster.observe(world.job(), BOOT);
    world.nowMs += 10 * SECOND;
    forecaster.observe(NOTHING, BOOT);
    expect(forecaster.due).toBeDefined();
    world.nowMs += 10 * SECOND;
    forecaster.observe(NOTHING, BOOT);
    expect(forecaster.due).toBeUndefined();
    expect(forecaster.expectation?.atMs).toBeGreaterThan(world.nowMs);
  });

  it('starts anew with one warning if the log is damaged, and replaces it', async () => {
    const world = new World();
    const forecaster = await world.controller(async () => {
      throw new InvalidObjectError('output', 'controller/arrivals.json', 'It is not JSON.');
    });
    forecaster.observe(world.job(), BOOT);
    await forecaster.write();
    expect(forecaster.expectation).toBeUndefined();
    expect(world.warnings).toEqual(['The log of arrivals cannot be read; the forecast starts anew.']);
    expect(world.stored).toHaveLength(1);
  });
});

describe('machines ahead of work', () => {
  const ahead = (workMs: number | undefined, present: number) =>
    machinesAhead({
      expected: workMs === undefined ? undefined : { workMs },
      settings: { targetMs: 120_000 } as PolicySettings,
      measured: { imagesPerSecond: 40, bootMs: 60_000 },
      present,
    });

  it('are as many as would be launched for it', () => {
    expect([undefined, 0, 1000, 60_000, 61_000, 300_000].map((workMs) => ahead(workMs, 0))).toEqual([
      0, 1, 1, 1, 2, 5,
    ]);
  });

  it('are the present ones if there are some', () => {
    expect([1, 2, 9].map((present) => ahead(300_000, present))).toEqual([1, 2, 5]);
  });
});

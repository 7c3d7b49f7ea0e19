import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Ec2, Ec2Instance } from '../../../../src/core/aws-account/ec2.ts';
import type { WorkerStatus } from '../../../../src/core/fleet/fleet.ts';
import type { Cost } from '../../../../src/scaler/cost.ts';
import { CostLedger } from '../../../../src/scaler/cost-ledger.ts';
import { createEc2Fleet } from '../../../../src/scaler/drivers/ec2.ts';
import type { FleetMember } from '../../../../src/scaler/fleet.ts';
import type { Observation } from '../../../../src/scaler/observation.ts';
import type { WorkerObservation } from '../../../../src/scaler/statuses.ts';
import { virtualClock } from '../../virtual-clock.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const settings = { billingMinimumMs: MINUTE, maxJobCostUsd: undefined };

/** A look at these machines and one worker that has done so many images of each job. */
const look = (
  members: Observation['members'],
  imagesByJob: Record<string, number> = {},
  jobs: readonly string[] = Object.keys(imagesByJob),
) => {
  const status = { id: 'w', startedAtMs: 1, imagesByJob } as unknown as WorkerStatus;
  return {
    members,
    statuses: new Map([['w', { status, silentForMs: 0, modifiedAtMs: 0, isNew: true }]]),
    snapshot: { jobs: jobs.map((id) => ({ id, totalImages: 1000, doneImages: imagesByJob[id] ?? 0 })) },
  } as unknown as Observation;
};
const at = (ms: number) => ({ wallMs: ms, monotonicMs: ms });
const running = (id: string, launchedAtMs: number, hourlyUsd?: number): FleetMember => ({
  id,
  state: 'running',
  launchedAtMs,
  ...(hourlyUsd !== undefined && { hourlyUsd }),
});

/** EC2 with instances of $1 an hour; `hide` makes its listings omit the instances that exist by then. */
function ec2OfOneDollar() {
  const clock = virtualClock();
  const all: Ec2Instance[] = [];
  const hidden = new Set<string>();
  const ec2 = {
    describe: async () => structuredClone(all.filter(({ id }) => !hidden.has(id))),
    launch: async ({ onDemand, tags }: { onDemand: number; tags: Record<string, string> }) => {
      const started = Array.from({ length: onDemand }, () => `i-${all.length}`);
      for (const id of started)
        all.push({
          id,
          state: 'running',
          type: 'c7i.large',
          zone: 'a',
          market: 'on-demand',
          launchedAtMs: clock.nowMs(),
          tags,
        });
      return { started, refusals: [] };
    },
  } as unknown as Ec2;
  const driver = createEc2Fleet({
    ec2,
    cluster: 'test',
    template: 'workers',
    pools: [{}],
    onDemandPercentage: 100,
    warm: 0,
    maxLifetimeMs: 1e9,
    priceOf: () => 1,
    types: ['c7i.large'],
    clock,
  });
  return { clock, driver, hidden };
}

describe('the cost of a job', () => {
  it('stays when EC2 lists a new instance a tick late, which costs money from its launch', async () => {
    const { clock, driver, hidden } = ec2OfOneDollar();
    const ledger = new CostLedger(settings);
    let images = 0;
    const tick = async () => {
      images += 10;
      ledger.record(look(await driver.members(), { J: images }), at(clock.nowMs()));
    };
    await driver.launch({ count: 1, decision: '1-1' });
    await tick();
    clock.advance(10 * HOUR);
    await tick();
    expect(ledger.costUsdOf('J')).toBeCloseTo(10, 1);
    const { started } = await driver.launch({ count: 1, decision: '1-2' });
    for (const id of started) hidden.add(id);
    clock.advance(5000);
    await tick();
    // The first minute of the new instance, and five seconds of the old one.
    expect(ledger.costUsdOf('J')).toBeCloseTo(10 + (60 + 5) / 3600, 4);
    expect(ledger.cost?.unknownSinceMs).toBeUndefined();
    hidden.clear();
    clock.advance(5000);
    await tick();
    expect(ledger.costUsdOf('J')).toBeCloseTo(10 + (60 + 10) / 3600, 4);
  });

  it('is not that of images which a worker has done before a controller began to read it', () => {
    const ledger = new CostLedger(settings);
    const jobs = { A: 500, B: 500 };
    const machine = running('a', 0, 1);
    ledger.record(look([machine], { A: 0, B: 0 }), at(HOUR));
    const found = look([machine], { A: 1000, B: 0 }, Object.keys(jobs));
    for (const worker of (found.statuses as Map<string, WorkerObservation>).values())
      Object.assign(worker, { isFound: true });
    ledger.record(found, at(2 * HOUR));
    expect(ledger.costUsdOf('B')).toBeGreaterThan(0);
    ledger.record(look([machine], { A: 1000, B: 10 }), at(3 * HOUR));
    expect(ledger.costUsdOf('B')).toBeGreaterThan(1);
  });

  it('goes on from what is stored if a retry comes after the ledger has dropped the job', () => {
    const ledger = new CostLedger(settings);
    ledger.record(look([running('a', 0, 1)], { J: 0 }), at(HOUR));
    expect(ledger.unrecalled([{ id: 'J' }])).toEqual(['J']);
    ledger.recall('J', 5, HOUR);
    ledger.record(look([running('a', 0, 1)], { J: 10 }), at(2 * HOUR));
    expect(ledger.costUsdOf('J')).toBeCloseTo(6);
    expect(ledger.cost?.totalUsd).toBeGreaterThanOrEqual(6);
    expect(ledger.unrecalled([{ id: 'J' }])).toEqual([]);
  });

  it('is not written before the stored one was read, which may be more', () => {
    const ledger = new CostLedger(settings);
    ledger.record(look([running('a', 0, 1)], { J: 0 }), at(HOUR));
    ledger.record(look([running('a', 0, 1)], { J: 10 }), at(2 * HOUR));
    expect(ledger.unwrittenByJob(0)).toEqual({});
    ledger.recall('J', undefined, 2 * HOUR);
    expect(ledger.unwrittenByJob(0)).toEqual({ J: 1 });
  });
});

describe('a machine', () => {
  const minuteUsd = 1 / 60;

  it('that is first seen long after a tick costs its first minute', () => {
    const ledger = new CostLedger(settings);
    ledger.record(look([]), at(HOUR));
    ledger.record(look([]), at(HOUR + 5000));
    ledger.record(look([running('late', HOUR - 15_000, 1)]), at(HOUR + 10_000));
    expect(ledger.cost?.totalUsd).toBeCloseTo(minuteUsd, 6);
    ledger.record(look([running('late', HOUR - 15_000, 1)]), at(HOUR + 45_000));
    expect(ledger.cost?.totalUsd).toBeCloseTo(minuteUsd, 6);
    ledger.record(look([running('late', HOUR - 15_000, 1)]), at(HOUR + 105_000));
    expect(ledger.cost?.totalUsd).toBeCloseTo(2 * minuteUsd, 6);
  });

  it('costs nothing twice when one listing omits it', () => {
    const ledger = new CostLedger(settings);
    const machine = running('a', HOUR, 1);
    for (const [ms, members] of [
      [HOUR, [machine]],
      [HOUR + MINUTE, []],
      [HOUR + 2 * MINUTE, [machine]],
    ] as const)
      ledger.record(look(members), at(ms));
    expect(ledger.cost?.totalUsd).toBeCloseTo(2 * minuteUsd, 6);
  });

  it('that ended between two ticks is charged up to the one that notices it, at most a minute, and once', () => {
    const ledger = new CostLedger(settings);
    const machine = running('a', HOUR, 1);
    ledger.record(look([machine]), at(HOUR));
    ledger.record(look([machine]), at(HOUR + 2 * MINUTE));
    ledger.record(look([]), at(HOUR + 2 * MINUTE + 5000));
    expect(ledger.cost?.totalUsd).toBeCloseTo(2 * minuteUsd + 5 / 3600, 6);
    expect(ledger.cost?.hourlyUsd).toBe(0);
    ledger.record(look([]), at(3 * HOUR));
    expect(ledger.cost?.totalUsd).toBeCloseTo(2 * minuteUsd + 5 / 3600, 6);
  });

  it('whose price becomes known later is charged from its launch', () => {
    const ledger = new CostLedger(settings);
    ledger.record(look([running('a', HOUR)]), at(HOUR));
    expect(ledger.cost).toMatchObject({ totalUsd: 0, unknownSinceMs: HOUR });
    ledger.record(look([running('a', HOUR, 1)]), at(HOUR + 2 * MINUTE));
    expect(ledger.cost?.totalUsd).toBeCloseTo(2 * minuteUsd, 6);
  });

  it('that the last controller charged is charged from then on', () => {
    const first = new CostLedger(settings);
    first.record(look([running('a', HOUR, 1)]), at(HOUR));
    const last = { cost: first.cost, atMs: HOUR, machines: ['a'] };
    const second = new CostLedger(settings, last);
    second.record(look([running('a', HOUR, 1)]), { wallMs: HOUR + 3 * MINUTE, monotonicMs: 7 });
    expect(second.cost?.totalUsd).toBeCloseTo(3 * minuteUsd, 6);
  });
});

describe('over any history of prices, listings and controllers', () => {
  const IDS = ['a', 'b', 'c', 'd'];
  const JOBS = ['J', 'K', 'L'];
  const event = fc.record({
    elapsedMs: fc.integer({ min: 0, max: 20 * MINUTE }),
    /** EC2 lists each machine, omits it, or cannot be read. */
    listed: fc.option(fc.subarray(IDS), { nil: undefined }),
    priced: fc.subarray(IDS),
    hourlyUsd: fc.double({ min: 0, max: 30, noNaN: true }),
    imagesByJob: fc.dictionary(fc.constantFrom(...JOBS), fc.nat(50)),
    unfinished: fc.subarray(JOBS),
    next: fc.constantFrom('same', 'same', 'same', 'successor', 'successor without a report'),
  });

  /** Some are launched in the history, so a listing that omits one may be the first one that should have it. */
  const launchedMs = (n: number) => 10 * HOUR + n * 11 * MINUTE - HOUR / 4;

  it('no total ever falls, of the fleet or of a job', () => {
    const capUsd = fc.option(fc.double({ min: 0.01, max: 5, noNaN: true }), { nil: undefined });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 10 }), capUsd, (events, maxJobCostUsd) => {
        const settings = { billingMinimumMs: MINUTE, maxJobCostUsd };
        let nowMs = 10 * HOUR;
        let ledger = new CostLedger(settings);
        let totalUsd = 0;
        const stored: Record<string, number> = {};
        const done: Record<string, number> = {};
        for (const { elapsedMs, listed, priced, hourlyUsd, imagesByJob, unfinished, next } of events) {
          nowMs += elapsedMs;
          if (next !== 'same') {
            const cost: Cost | undefined = next === 'successor' ? ledger.cost : undefined;
            if (cost === undefined) totalUsd = 0;
            ledger = new CostLedger(settings, cost && { cost, atMs: nowMs - elapsedMs, machines: IDS });
          }
          for (const [job, images] of Object.entries(imagesByJob)) done[job] = (done[job] ?? 0) + images;
          const members = listed
            ?.map((id) =>
              running(id, launchedMs(IDS.indexOf(id)), priced.includes(id) ? hourlyUsd : undefined),
            )
            .filter(({ launchedAtMs }) => launchedAtMs <= nowMs);
          for (const job of ledger.unrecalled(unfinished.map((id) => ({ id }))))
            ledger.recall(job, stored[job], nowMs);
          ledger.record(
            look(members ?? ({ unknown: 'throttled' } as never), { ...done }, unfinished),
            at(nowMs),
          );
          for (const job of ledger.unrecalled([])) ledger.recall(job, stored[job], nowMs);
          expect(ledger.cost?.totalUsd ?? 0).toBeGreaterThanOrEqual(totalUsd - 1e-9);
          totalUsd = ledger.cost?.totalUsd ?? totalUsd;
          for (const [job, usd] of Object.entries(ledger.cost?.byJobUsd ?? {})) {
            expect(usd).toBeGreaterThanOrEqual((stored[job] ?? 0) - 1e-9);
            stored[job] = usd;
          }
        }
      }),
      { numRuns: 10_000 },
    );
  }, 60_000);
});

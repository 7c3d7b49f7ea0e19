import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dollars } from '../../../../src/core/money/money.ts';
import { priceOf } from '../../../../src/core/money/prices.ts';
import {
  attribute,
  type Cost,
  imagesByJobDelta,
  type Spending,
  settle,
} from '../../../../src/scaler/cost.ts';

const HOUR = 3_600_000;
const MINUTE = 60_000;
const NOW = 1_000_000_000;
type Machine = Omit<Spending['machines'][number], 'unchargedMs'>;
type Changes = Partial<Omit<Spending, 'machines'>> & {
  unchargedMs?: number | undefined;
  machines?: Machine[];
};
/** Of machines that were charged an hour ago. */
const spending = ({
  machines = [{ hourlyUsd: 0.1, launchedAtMs: NOW - 10 * HOUR }],
  ...changes
}: Changes = {}): Spending => ({
  nowMs: NOW,
  machines: machines.map((each) => ({
    ...each,
    unchargedMs: 'unchargedMs' in changes ? changes.unchargedMs : HOUR,
  })),
  ended: [],
  imagesByJob: {},
  leftByJob: {},
  paidBefore: {},
  billingMinimumMs: MINUTE,
  capUsd: Number.POSITIVE_INFINITY,
  ...changes,
});

describe('the cost of the fleet', () => {
  it('grows with time and machines', () => {
    const two = [1, 2].map(() => ({ hourlyUsd: 0.1, launchedAtMs: NOW - 10 * HOUR }));
    const cost = attribute(undefined, spending({ machines: two, unchargedMs: HOUR / 2 }));
    expect(cost).toMatchObject({ sinceMs: NOW, hourlyUsd: 0.2 });
    expect(cost.totalUsd).toBeCloseTo(0.1);
  });

  it('charges a machine from its launch, not from the last count', () => {
    const machines = [{ hourlyUsd: 1, launchedAtMs: NOW - 6 * MINUTE }];
    expect(attribute(undefined, spending({ machines, unchargedMs: undefined })).totalUsd).toBeCloseTo(0.1);
  });

  it('charges the first minute of a machine at once, and once', () => {
    const machines = [{ hourlyUsd: 60, launchedAtMs: NOW - 1000 }];
    let cost = attribute(undefined, spending({ machines, unchargedMs: undefined }));
    expect(cost.totalUsd).toBeCloseTo(1);
    cost = attribute(cost, spending({ machines, nowMs: NOW + 5000, unchargedMs: 5000 }));
    expect(cost.totalUsd).toBeCloseTo(1);
    cost = attribute(cost, spending({ machines, nowMs: NOW + 119_000, unchargedMs: 114_000 }));
    expect(cost.totalUsd).toBeCloseTo(2);
  });

  it('is at least the cost of the machines with a price, and says since when it may be more', () => {
    const machines = [{ hourlyUsd: 0.1, launchedAtMs: 0 }, { launchedAtMs: 0 }];
    const cost = attribute(undefined, spending({ machines }));
    expect(cost).toMatchObject({ unknownSinceMs: NOW, hourlyUsd: 0.1 });
    expect(cost.totalUsd).toBeCloseTo(0.1);
    const later = attribute(cost, spending({ machines, nowMs: NOW + HOUR }));
    expect(later.unknownSinceMs).toBe(NOW);
    expect(later.totalUsd).toBeCloseTo(0.2);
  });

  it('is also counted by month, and begins again with each', () => {
    const machines = [{ hourlyUsd: 0.1, launchedAtMs: 0 }];
    const newYear = Date.UTC(2027, 0, 1);
    const december = attribute(undefined, spending({ machines, nowMs: newYear - 1 }));
    const more = attribute(december, spending({ machines, nowMs: newYear - 1 }));
    const january = attribute(more, spending({ machines, nowMs: newYear }));
    expect([december, more, january].map(({ month }) => month)).toEqual([
      { name: '2026-12', usd: expect.closeTo(0.1) },
      { name: '2026-12', usd: expect.closeTo(0.2) },
      { name: '2027-01', usd: expect.closeTo(0.1) },
    ]);
  });

  it('of the month in which an older controller was replaced is a lower bound, and no longer in the next', () => {
    const newYear = Date.UTC(2027, 0, 1);
    const older = { ...attribute(undefined, spending({ nowMs: newYear - HOUR })), month: undefined };
    const december = attribute(older, spending({ nowMs: newYear - 2 }));
    const more = attribute(december, spending({ nowMs: newYear - 1 }));
    const january = attribute(more, spending({ nowMs: newYear }));
    expect(more.month).toMatchObject({ name: '2026-12', isLowerBound: true });
    expect(january.month).toEqual({ name: '2027-01', usd: expect.any(Number) });
  });

  it('of boots goes to the unfinished jobs by the images that they have left, even if none is ever done', () => {
    const cost = attribute(undefined, spending({ leftByJob: { a: 30, b: 10 } }));
    expect(cost.unattributedUsd).toBe(0);
    expect(cost.byJobUsd.a).toBeCloseTo(0.075);
    expect(cost.byJobUsd.b).toBeCloseTo(0.025);
  });

  it('of idling goes to no job', () => {
    const idle = attribute(undefined, spending());
    expect(idle.unattributedUsd).toBeCloseTo(0.1);
    const worked = attribute(idle, spending({ imagesByJob: { a: 30, b: 10 }, leftByJob: { c: 100 } }));
    expect(worked.unattributedUsd).toBeCloseTo(0.1);
    expect(worked.byJobUsd.a).toBeCloseTo(0.075);
    expect(worked.byJobUsd).not.toHaveProperty('c');
  });

  it('that one job at its cap cannot pay is paid by the others, not by none', () => {
    const half = attribute(undefined, spending({ imagesByJob: { a: 1, b: 1 }, capUsd: 0.08 }));
    expect(half.byJobUsd).toEqual({ a: 0.05, b: 0.05 });
    const full = attribute(
      half,
      spending({ imagesByJob: { a: 9, b: 1 }, leftByJob: { c: 1 }, capUsd: 0.08 }),
    );
    expect(full.byJobUsd.a).toBeCloseTo(0.08);
    expect(full.byJobUsd.b).toBeCloseTo(0.08);
    expect(full.byJobUsd.c).toBeCloseTo(0.04);
    expect(full.unattributedUsd).toBe(0);
  });

  it('that all jobs at their cap cannot pay is paid by those who paid last, whose machines are left', () => {
    const before = attribute(undefined, spending({ imagesByJob: { a: 1, b: 1 } }));
    const tail = spending({
      imagesByJob: { a: 1 },
      leftByJob: { a: 1 },
      paidBefore: { b: 0.1 },
      capUsd: 0.05,
    });
    expect(attribute(before, tail).byJobUsd).toEqual({ a: 0.05, b: expect.closeTo(0.15) });
  });

  it('drops finished jobs, and keeps their cost in the total', () => {
    const cost = attribute(undefined, spending({ imagesByJob: { a: 1, b: 1 } }));
    expect(settle(cost, ['b'])).toMatchObject({
      totalUsd: cost.totalUsd,
      byJobUsd: { b: cost.byJobUsd.b },
    });
    expect(settle(cost, ['b']).byJobUsd).not.toHaveProperty('a');
  });

  it('adds up to the total over all jobs', () => {
    const step = fc.record({
      elapsedMs: fc.integer({ min: 0, max: HOUR }),
      hourly: fc.array(fc.double({ min: 0, max: 50, noNaN: true }), { maxLength: 5 }),
      imagesByJob: fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.nat(1000)),
    });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        let cost: Cost | undefined;
        let nowMs = NOW;
        for (const { elapsedMs, hourly, imagesByJob } of steps) {
          nowMs += elapsedMs;
          const machines = hourly.map((hourlyUsd) => ({ hourlyUsd, launchedAtMs: NOW - MINUTE }));
          cost = attribute(cost, spending({ nowMs, unchargedMs: elapsedMs, machines, imagesByJob }));
        }
        if (cost === undefined) return;
        const spread = Object.values(cost.byJobUsd).reduce((sum, usd) => sum + usd, cost.unattributedUsd);
        expect(spread).toBeCloseTo(cost.totalUsd, 6);
      }),
    );
  });
});

describe('the images of each job', () => {
  const status = (id: string, imagesByJob: Record<string, number>, startedAtMs = 1) => ({
    id,
    startedAtMs,
    imagesByJob,
  });

  it('are those done since the last reading, over all workers', () => {
    const before = [status('w1', { a: 10 }), status('w2', { a: 5, b: 1 })];
    const after = [status('w1', { a: 14 }), status('w2', { a: 5, b: 4 }), status('w3', { b: 2 })];
    expect(imagesByJobDelta(before, after)).toEqual({ a: 4, b: 5 });
  });

  it('are not counted at the first reading of a controller', () => {
    expect(imagesByJobDelta(undefined, [status('w1', { a: 10 })])).toEqual({});
  });

  it('start from zero when a worker restarts', () => {
    expect(imagesByJobDelta([status('w1', { a: 10 }, 1)], [status('w1', { a: 12 }, 2)])).toEqual({ a: 12 });
  });
});

describe('the price of a machine', () => {
  it.each([
    ['t2.small', 0.023],
    ['t3.medium', 0.0416],
    ['c7i.large', 0.08925],
    ['c7g.4xlarge', 0.58],
    ['m7g.xlarge', 0.1632],
  ])('of %s is $%d an hour', (type, usd) => {
    expect(priceOf(type, 'on-demand')).toBeCloseTo(usd, 5);
  });

  it.each(['p5.48xlarge', 'c7i', 'constructor.large', 'c7i.metal-24xl', ''])(
    'of %j is unknown, which is not zero',
    (type) => {
      expect(priceOf(type, 'spot')).toBeUndefined();
    },
  );

  it('of a spot instance is that of an on-demand one, unless the setting says otherwise', () => {
    expect(priceOf('c7i.large', 'spot')).toBe(priceOf('c7i.large', 'on-demand'));
    expect(priceOf('c7i.large', 'spot', { override: 0.03 })).toBe(0.03);
    expect(priceOf('nosuch.type', 'on-demand', { override: 0 })).toBe(0);
  });
});

describe('a sum of money', () => {
  it.each([
    [0, '$0.00'],
    [0.00001, '<$0.0001'],
    [0.01234, '$0.0123'],
    [4.2, '$4.20'],
  ])('of %d is written %s', (usd, text) => {
    expect(dollars(usd)).toBe(text);
  });
});

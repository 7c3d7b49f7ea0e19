import { describe, expect, it } from 'vitest';
import { type QuoteView, quoteText } from '../../../src/cli/jobs/quote-text.ts';
import type { PolicySettings } from '../../../src/scaler/policy/policy.ts';
import { quote, quoteRequests } from '../../../src/scaler/quote.ts';

const settings: PolicySettings = {
  policy: 'backlog',
  min: 0,
  max: 15,
  maxLaunchPerTick: 2,
  cooldownMs: 0,
  idleMs: 10_000,
  targetMs: 120_000,
  billingMinimumMs: 60_000,
  hourlyUsd: 0.1,
  maxHourlyCostUsd: undefined,
  maxJobCostUsd: undefined,
};
const measured = { imagesPerSecond: 10, bootMs: 60_000 };
const job = (images: number) => ({ images, bytes: 1000 * images });

describe('a quote', () => {
  it('has as many machines as the policy wants, whatever the limit per tick', () => {
    expect(quote(job(6000), settings, measured).machines).toBe(10);
  });

  it('has no more machines than --max, and says why', () => {
    const { machines, reason } = quote(job(100_000), settings, measured);
    expect(machines).toBe(15);
    expect(reason).toMatch(/15/);
  });

  it('is done after the boot and the work of the busiest machine', () => {
    const { messages, machines, firstResultMs, drainMs } = quote(job(20), settings, measured);
    expect({ messages, machines }).toEqual({ messages: 2, machines: 1 });
    expect(firstResultMs).toBe(60_000 + 1600);
    expect(drainMs).toBe(60_000 + 2000);
  });

  it('charges machines for boot, work and idling, and at least their first minute', () => {
    const one = quote(job(20), settings, measured);
    expect(one.machineUsd).toBeCloseTo((0.1 * (60 + 2 + 10)) / 3600);
    const short = quote(job(20), settings, { imagesPerSecond: 100, bootMs: 1000 });
    expect(short.machineUsd).toBeCloseTo((0.1 * 60) / 3600);
  });

  it('shows other numbers of machines, and which of them meet the deadline and the limit of cost', () => {
    const limits = { dueInMs: 400_000, maxCostUsd: 0.03 };
    const { machines, choices } = quote(job(6000), { ...settings, idleMs: 0 }, measured, limits);
    expect(machines).toBe(2);
    expect(choices.map((choice) => [choice.machines, choice.isInTime, choice.isWithinCost])).toEqual([
      [1, false, true],
      [2, true, true],
      [4, true, true],
      [8, true, false],
    ]);
    expect(choices.map(({ machineUsd = 0 }) => machineUsd)).toEqual(
      choices.map(({ machineUsd = 0 }) => machineUsd).toSorted((a, b) => a - b),
    );
    expect(quote(job(6000), settings, measured).choices.map((choice) => choice.machines)).toEqual([
      1, 2, 4, 8, 10,
    ]);
  });

  it('warns if the job would be late, or stop at its limit of cost', () => {
    expect(quote(job(6000), settings, measured, { dueInMs: 30_000 }).warnings.join()).toMatch(
      /Job \(this one\) will miss its deadline in 30 s/,
    );
    const { warnings, drainMs } = quote(job(6000), settings, measured, { maxCostUsd: 0.01 });
    expect(warnings.join()).toMatch(/The job stops at --max-cost \$0.0100 before it is done/);
    expect(drainMs).toBeUndefined();
  });

  it('has no cost, rather than zero, if the price is unknown', () => {
    expect(quote(job(20), { ...settings, hourlyUsd: undefined }, measured).machineUsd).toBeUndefined();
  });

  it('has no end if a cost cap allows no machine', () => {
    const { machines, drainMs, warnings } = quote(job(20), { ...settings, maxHourlyCostUsd: 0.01 }, measured);
    expect({ machines, drainMs }).toEqual({ machines: 0, drainMs: undefined });
    expect(warnings.join()).toMatch(/cap/);
  });

  it('has fewer machines under --max-job-cost, and says how much of the cap they need', () => {
    const { machines, machineUsd, warnings } = quote(
      job(6000),
      { ...settings, maxJobCostUsd: 0.025 },
      measured,
    );
    expect(machines).toBe(3);
    expect(machineUsd).toBeLessThan(0.025);
    expect(warnings.join()).toContain('--max-job-cost $0.0250, which pays for 3 machines');
  });

  it('has no end if --max-job-cost does not pay for all images, and says what they would cost', () => {
    const { machines, drainMs, machineUsd, warnings } = quote(
      job(6000),
      { ...settings, maxJobCostUsd: 0.01 },
      measured,
    );
    expect({ machines, drainMs, machineUsd }).toEqual({ machines: 1, drainMs: undefined, machineUsd: 0.01 });
    expect(warnings.join()).toMatch(
      /stops at --max-job-cost \$0\.0100 before it is done: .* about \$0\.0186/,
    );
  });

  it('counts no machine time for known images', () => {
    const half = quote({ ...job(6000), knownImages: 3000 }, settings, measured);
    expect(half).toEqual({ ...quote(job(3000), settings, measured), ...job(6000), knownImages: 3000 });
    const all = quote({ ...job(6000), knownImages: 6000 }, settings, measured, { maxCostUsd: 0.001 });
    expect(all).toMatchObject({ images: 6000, machines: 0, drainMs: 0, machineUsd: 0, warnings: [] });
  });

  it('has the price of the requests', () => {
    expect(quoteRequests({ s3Put: 1_000_000, s3Get: 1_000_000, sqs: 1_000_000 }).usd).toBeCloseTo(5.8, 6);
  });
});

describe('the text of a quote', () => {
  const view = (changes: Partial<QuoteView> = {}): QuoteView => ({
    v: 1,
    cluster: 'default',
    cloud: 'aws',
    copiedBytes: 18_000,
    ...quote(job(20), settings, measured),
    ...measured,
    imagesPerSecondIs: 'assumed',
    bootIs: 'measured',
    hourlyUsd: 0.1,
    priceFrom: 'the setting pricePerHour',
    requests: quoteRequests({ s3Put: 22, s3Get: 20, sqs: 12 }),
    ...changes,
  });

  it('says once below the cost that its prices are old', () => {
    const oldPrices = 'The prices of machines are of 2026-01-19 and may have changed.';
    const text = quoteText(view({ oldPrices }));
    expect(text).toMatch(new RegExp(`^cost .*\\n +warning: ${oldPrices}$`, 'm'));
    expect(text.split('may have changed')).toHaveLength(2);
    expect(quoteText(view())).not.toContain('warning');
  });

  it('says what is measured and what is assumed, and that requests come on top', () => {
    const text = quoteText(view());
    expect(text).toMatch(/20, 20 KB, in 2 requests/);
    expect(text).toMatch(/boot 60 s, measured/);
    expect(text).toMatch(/10 images\/s per machine, assumed/);
    expect(text).toMatch(/about \$0\.0020 for machines at \$0\.1000 per hour \(the setting pricePerHour\)/);
    expect(text).toMatch(/plus \$0\.0001 for requests: 22 S3 PUT, 20 S3 GET, 12 SQS/);
  });

  it('says what the job costs on spot instances at their present prices', () => {
    const spot = { fromUsd: 0.025, toUsd: 0.05, atMs: Date.UTC(2026, 10, 30, 22, 10) };
    expect(quoteText(view({ spot }))).toMatch(
      /^ +as spot instances \$0\.0005 to \$0\.0010, at prices of 2026-11-30T22:10Z$/m,
    );
    expect(quoteText(view())).not.toContain('spot');
  });

  it('says how many images are known', () => {
    const text = quoteText(view({ ...quote({ ...job(20), knownImages: 5 }, settings, measured) }));
    expect(text).toMatch(/^ +about 5 of them have predictions already/m);
    const all = quoteText(view({ ...quote({ ...job(20), knownImages: 20 }, settings, measured) }));
    expect(all).toMatch(/^machines +0 \(all images have predictions already\)\ndone +within seconds$/m);
  });

  it('says what is copied, and where to', () => {
    const local = { cloud: 'local' } as const;
    expect(quoteText(view())).toMatch(/^copies +up to 18 KB, in the input bucket$/m);
    expect(quoteText(view(local))).toMatch(/^copies +up to 18 KB, in the data folder$/m);
    expect(quoteText(view({ ...local, copiedBytes: 0 }))).toMatch(/^copies +none: .* read where they are$/m);
  });

  it('says that a price is unknown, and what to set', () => {
    expect(quoteText(view({ hourlyUsd: undefined, machineUsd: undefined }))).toMatch(
      /cost +unknown.*pricePerHour/,
    );
  });
});

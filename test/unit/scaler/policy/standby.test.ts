import { describe, expect, it } from 'vitest';
import type { Decision } from '../../../../src/scaler/policy/policy.ts';
import { ScalingHistory } from '../../../../src/scaler/policy/scaling-history.ts';
import { isWorkExpected } from '../../../../src/scaler/policy/standby.ts';
import type { Snapshot } from '../../../../src/scaler/snapshot.ts';

const measured = { imagesPerSecond: 10, bootMs: 70_000 };
const snapshot = (messages: number, throughputImagesPerSecond = 0): Snapshot => ({
  backlog: { waiting: messages, inFlight: 0, delayed: 0, images: 16 * messages },
  machines: [],
  jobs: [],
  measured,
  throughputImagesPerSecond,
});
const quiet = { sinceLaunchMs: undefined, recentlyNeeded: 0 };

describe('a machine on standby', () => {
  it('stays for eight boot times after work that arrived every minute', () => {
    const history = { ...quiet, pausesMs: [60_000, 50_000, 70_000] };
    expect(isWorkExpected({ ...history, sinceWorkMs: 559_000 }, measured)).toBe(true);
    expect(isWorkExpected({ ...history, sinceWorkMs: 560_000 }, measured)).toBe(false);
  });
  it('does not stay after work that arrived once', () => {
    expect(isWorkExpected({ ...quiet, pausesMs: [], sinceWorkMs: 1000 }, measured)).toBe(false);
  });
  it('does not stay if the median pause is longer than three boot times', () => {
    const history = { ...quiet, pausesMs: [60_000, 1_800_000, 3_600_000], sinceWorkMs: 1000 };
    expect(isWorkExpected(history, measured)).toBe(false);
  });
});

describe('the scaling history', () => {
  it('keeps the pauses between arrivals, seen as more messages', () => {
    const history = new ScalingHistory();
    [1, 1, 0, 0, 0, 0, 1].forEach((messages, at) => void history.observe(snapshot(messages), 10_000 * at));
    expect(history.summary(65_000)).toMatchObject({ pausesMs: [60_000], sinceWorkMs: 5000 });
  });
  it('sees work that arrived and was done between two ticks by the throughput of the fleet', () => {
    const history = new ScalingHistory();
    [0, 0.1, 0.1, 0, 0, 0, 0.1].forEach((rate, at) => void history.observe(snapshot(0, rate), 10_000 * at));
    expect(history.summary(60_000)).toMatchObject({ pausesMs: [50_000], sinceWorkMs: 0 });
  });
  it('takes a queue that cannot be read for neither work nor a pause', () => {
    const history = new ScalingHistory();
    history.observe(snapshot(1), 0);
    history.observe({ ...snapshot(0), backlog: { unknown: 'throttled' } }, 30_000);
    history.observe(snapshot(1), 60_000);
    expect(history.summary(60_000)).toMatchObject({ pausesMs: [], sinceWorkMs: 60_000 });
  });
  it('keeps a need for 30 s', () => {
    const history = new ScalingHistory();
    history.recordDecision({ needed: 5 } as Decision, 0);
    history.recordDecision({ needed: 2 } as Decision, 20_000);
    expect(history.summary(25_000).recentlyNeeded).toBe(5);
    expect(history.summary(35_000).recentlyNeeded).toBe(2);
  });
});

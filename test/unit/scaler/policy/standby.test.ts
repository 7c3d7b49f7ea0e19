import { describe, expect, it } from 'vitest';
import { defaultPolicySettings } from '../../../../src/bench/simulator/simulate.ts';
import type { Decision, PastArrival } from '../../../../src/scaler/policy/policy.ts';
import { ScalingHistory } from '../../../../src/scaler/policy/scaling-history.ts';
import { machinesOnStandby } from '../../../../src/scaler/policy/standby.ts';

const BOOT_MS = 70_000;

/** Arrivals with these pauses between them, the last one so long ago. */
function arrivalsOf(pausesS: readonly number[], agoS: number, workMs = 1000): PastArrival[] {
  const agosMs = [1000 * agoS];
  for (const pauseS of pausesS.toReversed()) agosMs.unshift((agosMs[0] ?? 0) + 1000 * pauseS);
  return agosMs.map((agoMs) => ({ agoMs, workMs }));
}
const onStandby = (
  pausesS: readonly number[],
  agoS: number,
  over: { workMs?: number; present?: number; nextWorkInMs?: number } = {},
) =>
  machinesOnStandby({
    arrivals: arrivalsOf(pausesS, agoS, over.workMs),
    measured: { imagesPerSecond: 40, bootMs: BOOT_MS },
    settings: { ...defaultPolicySettings, policy: 'backlog', max: 10 },
    present: over.present ?? 1,
    nextWorkInMs: over.nextWorkInMs,
  });
const EVERY_MINUTE = Array.from({ length: 6 }, () => 60);

describe('a machine on standby', () => {
  it('does not stay after work that arrived once', () => {
    expect(onStandby([], 1)).toBe(0);
  });
  it('stays for the usual pause and some more after work that arrived every minute', () => {
    expect(onStandby(EVERY_MINUTE, 200)).toBe(1);
    expect(onStandby(EVERY_MINUTE, 215)).toBe(0);
  });
  it('stays less long, the longer work has been so regular', () => {
    expect(onStandby([...EVERY_MINUTE, ...EVERY_MINUTE], 140)).toBe(0);
  });
  it('does not stay longer because of a lunch break among jobs of every minute', () => {
    expect(onStandby([...EVERY_MINUTE, 3060, ...EVERY_MINUTE], 140)).toBe(0);
  });
  it('stays for a quarter of an hour after work that arrived now and then', () => {
    const pauses = [10, 130, 40, 90, 20, 60, 75, 5];
    expect(onStandby(pauses, 884)).toBe(1);
    expect(onStandby(pauses, 885)).toBe(0);
  });
  it('stays as long as a pause costs less than a boot and four times its wait', () => {
    expect(onStandby([345, 345, 345], 10)).toBe(1);
    expect(onStandby([355, 355, 355], 10)).toBe(0);
  });
  it('does not stay for work before which the forecast starts machines, unless a boot costs more', () => {
    expect(onStandby([300, 300, 300], 10)).toBe(1);
    expect(onStandby([300, 300, 300], 10, { nextWorkInMs: 290_000 })).toBe(0);
    expect(onStandby([300, 300, 300], 10, { nextWorkInMs: 86_400_000 })).toBe(1);
    expect(onStandby(EVERY_MINUTE, 10, { nextWorkInMs: 50_000 })).toBe(1);
  });
  it('does not stay because of one short pause among long ones', () => {
    expect(onStandby([60, 1800, 3600], 1)).toBe(0);
  });
  it('is as many machines as arrivals usually need', () => {
    expect(onStandby(EVERY_MINUTE, 10, { workMs: 150_000, present: 5 })).toBe(3);
  });
});

describe('the scaling history', () => {
  it('keeps what arrived, and not looks at which nothing did', () => {
    const history = new ScalingHistory();
    [500, 0, 0, 900].forEach((workMs, at) => {
      history.observe({ jobs: workMs > 0 ? 1 : 0, ids: [], workMs }, 10_000 * at);
    });
    expect(history.summary(35_000).arrivals).toEqual([
      { agoMs: 35_000, workMs: 500 },
      { agoMs: 5000, workMs: 900 },
    ]);
  });
  it('takes a job whose images become known later for one arrival', () => {
    const history = new ScalingHistory();
    history.observe({ jobs: 1, ids: [], workMs: 0 }, 0);
    history.observe({ jobs: 0, ids: [], workMs: 900 }, 10_000);
    expect(history.summary(15_000).arrivals).toEqual([{ agoMs: 15_000, workMs: 900 }]);
  });
  it('keeps a need for 15 s', () => {
    const history = new ScalingHistory();
    history.recordDecision({ needed: 5 } as Decision, 0);
    history.recordDecision({ needed: 2 } as Decision, 10_000);
    expect(history.summary(14_000).recentlyNeeded).toBe(5);
    expect(history.summary(15_000).recentlyNeeded).toBe(2);
  });
});

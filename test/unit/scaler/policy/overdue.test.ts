import { describe, expect, it } from 'vitest';
import { decide } from '../../../../src/scaler/policy/decide.ts';
import type { History, PolicySettings } from '../../../../src/scaler/policy/policy.ts';
import type { Backlog, Machine } from '../../../../src/scaler/snapshot.ts';

const BOOT_MS = 70_000;
const settings: PolicySettings = {
  policy: 'backlog',
  min: 0,
  max: 15,
  maxLaunchPerTick: 100,
  cooldownMs: 10_000,
  idleMs: undefined,
  targetMs: 120_000,
  billingMinimumMs: 60_000,
  hourlyUsd: undefined,
  maxHourlyCostUsd: undefined,
  maxJobCostUsd: undefined,
};
const machine = (id: string, phase: Machine['phase'], ageMs = 300_000): Machine => ({
  id,
  phase,
  ageMs,
  phaseForMs: ageMs,
  managed: true,
});
const nothing: Backlog = { waiting: 0, inFlight: 0, delayed: 0, images: 0 };
const once: History = { sinceLaunchMs: undefined, recentlyNeeded: 0, arrivals: [] };
/** One image a minute, the last one 10 s ago. */
const everyMinute: History = {
  ...once,
  arrivals: [310, 250, 190, 130, 70, 10].map((agoS) => ({ agoMs: 1000 * agoS, workMs: 25 })),
};
const decided = (machines: Machine[], backlog: Partial<Backlog> = {}, history = once) =>
  decide(
    {
      backlog: { ...nothing, ...backlog },
      machines,
      jobs: [],
      measured: { imagesPerSecond: 40, bootMs: BOOT_MS },
      throughputImagesPerSecond: 0,
    },
    settings,
    history,
  );

describe('a machine that boots for twice the usual time', () => {
  it('does not keep the last message from another one', () => {
    const work = { waiting: 1, images: 1 };
    expect(decided([machine('late', 'booting', 2 * BOOT_MS)], work).launch).toBe(0);
    expect(decided([machine('late', 'booting', 2 * BOOT_MS + 1)], work).launch).toBe(1);
  });

  it('is replaced once, not at every look', () => {
    const machines = [machine('late', 'booting'), machine('new', 'booting', 5000)];
    expect(decided(machines, { waiting: 1, images: 1 }).launch).toBe(0);
  });

  it('does not stand by instead of one that is ready', () => {
    const machines = [machine('late', 'booting'), machine('ready', 'idle')];
    expect(decided(machines, {}, everyMinute)).toMatchObject({
      retire: ['late'],
      target: 1,
      reason: 'the queues are empty; 1 overdue worker is retired',
    });
  });

  it('is awaited as long as there is work: the usual time may be a wrong guess', () => {
    expect(decided([machine('late', 'booting')], { inFlight: 1, images: 1 }).retire).toEqual([]);
    expect(decided([machine('late', 'booting')], {}, { ...once, recentlyNeeded: 1 }).retire).toEqual([]);
  });
});

describe('the last machine that is ready', () => {
  const lost = { inFlight: 1, images: 16 };
  it('stays until the last images are done, which a lost machine may have held', () => {
    expect(decided([machine('ready', 'idle')], lost).retire).toEqual([]);
    expect(decided([machine('ready', 'idle')]).retire).toEqual(['ready']);
  });
  it('stays although another one boots', () => {
    const machines = [machine('ready', 'idle'), machine('new', 'booting', 30_000)];
    expect(decided(machines, lost).retire).toEqual([]);
  });
});

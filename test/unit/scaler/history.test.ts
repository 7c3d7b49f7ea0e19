import { describe, expect, it } from 'vitest';
import { withSample } from '../../../src/scaler/history.ts';
import type { Snapshot } from '../../../src/scaler/snapshot.ts';

const machine = (phase: 'booting' | 'idle' | 'busy' | 'draining') => ({
  id: phase,
  phase,
  phaseForMs: 0,
  ageMs: 0,
  managed: true,
});
const snapshot: Snapshot = {
  backlog: { waiting: 3, inFlight: 2, delayed: 1, images: 96 },
  machines: [machine('booting'), machine('busy'), machine('busy'), machine('draining')],
  jobs: [],
  measured: { imagesPerSecond: 20, bootMs: 1000 },
  throughputImagesPerSecond: 41.26,
};

describe("the fleet's history", () => {
  it('has one sample every ten seconds: messages, machines by phase, images a second', () => {
    const first = withSample([], snapshot, 1000);
    expect(first).toEqual([
      { atMs: 1000, messages: 6, booting: 1, idle: 0, busy: 2, draining: 1, imagesPerSecond: 41.3 },
    ]);
    expect(withSample(first, snapshot, 10_999)).toBe(first);
    expect(withSample(first, snapshot, 11_000)).toHaveLength(2);
  });

  it('has no sample if the queue or the fleet could not be read', () => {
    expect(withSample([], { ...snapshot, backlog: { unknown: 'timeout' } }, 0)).toEqual([]);
    expect(withSample([], { ...snapshot, machines: { unknown: 'timeout' } }, 0)).toEqual([]);
  });

  it('has all samples of the last hour, one in ten minutes of the day before, and no older ones', () => {
    let history = withSample([], snapshot, 0);
    const minutes = 26 * 60;
    for (let minute = 1; minute <= minutes; minute++)
      history = withSample(history, snapshot, 60_000 * minute);
    const ages = history.map(({ atMs }) => minutes - atMs / 60_000);
    const old = ages.filter((age) => age >= 60);
    expect(ages.length - old.length).toBe(60);
    expect(old[0]).toBeGreaterThan(23.8 * 60);
    expect(old[0]).toBeLessThan(24 * 60);
    expect(old.slice(1).every((age, at) => (old[at] ?? 0) - age === 10)).toBe(true);
  });

  it('continues when the clock was set back', () => {
    expect(withSample(withSample([], snapshot, 1_000_000), snapshot, 5)).toHaveLength(2);
  });
});

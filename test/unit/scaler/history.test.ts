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

  it('drops samples older than an hour', () => {
    let history = withSample([], snapshot, 0);
    for (let at = 1; at < 500; at++) history = withSample(history, snapshot, at * 10_000);
    expect(history).toHaveLength(360);
    expect(history[0]?.atMs).toBe(140 * 10_000);
  });

  it('continues when the clock was set back', () => {
    expect(withSample(withSample([], snapshot, 1_000_000), snapshot, 5)).toHaveLength(2);
  });
});

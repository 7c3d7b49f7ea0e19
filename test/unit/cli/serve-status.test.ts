import { describe, expect, it } from 'vitest';
import { type ClusterObservation, toView } from '../../../src/cli/fleet/status-view.ts';
import { toStatusBody } from '../../../src/cli/service/serve-status.ts';
import type { ControllerReport, WorkerStatus } from '../../../src/core/fleet/fleet.ts';
import { statusView } from '../../../src/web/api.ts';
import { figuresOf } from '../../../src/web/page/fleet/fleet-text.ts';

const NOW_MS = 1_000_000;
const worker = (id: string, changes: Partial<WorkerStatus> = {}): WorkerStatus => ({
  v: 1,
  id,
  state: 'busy',
  host: 'here',
  managed: true,
  pid: 1,
  startedAtMs: NOW_MS - 60_000,
  updatedAtMs: NOW_MS - 1000,
  boot: {},
  imagesDone: 5,
  imagesPerSecond: 10,
  runners: 2,
  rssBytes: 100,
  peakRssBytes: 100,
  models: [],
  version: '1',
  ...changes,
});
const depth = { waiting: 1, inFlight: 0, delayed: 0 };
const seen: ClusterObservation = {
  cluster: 'default',
  cloud: 'local',
  atMs: NOW_MS,
  lock: { holder: 'a', epoch: 1, renewedAtMs: NOW_MS - 1000, unchangedForMs: 0 },
  report: {
    v: 1,
    holder: 'a',
    epoch: 1,
    updatedAtMs: NOW_MS - 500,
    driver: 'process',
    policy: 'backlog',
    min: 0,
    max: 4,
    target: 2,
    reason: 'there is work for two',
    warnings: [],
    machines: [
      { id: 'one', phase: 'busy', launchedAtMs: NOW_MS - 61_000 },
      { id: 'two', phase: 'booting', launchedAtMs: NOW_MS - 100 },
    ],
    measured: {},
  },
  requests: depth,
  deadLetters: { unknown: 'no access' },
  workers: [worker('one'), worker('silent', { updatedAtMs: 0 })],
  jobs: [],
};

describe('the status that the page shows', () => {
  it('has the total cost, and says "at least" once a machine had no known price', () => {
    const noteOf = (unknown: { unknownSinceMs?: number }) => {
      const cost = {
        sinceMs: 0,
        totalUsd: 1.5,
        unattributedUsd: 0,
        byJobUsd: {},
        hourlyUsd: 0.2,
        ...unknown,
      };
      const report = { ...(seen.report as ControllerReport), cost };
      const body = statusView.parse(toStatusBody(toView({ ...seen, report }), []));
      return figuresOf(body).find(({ name }) => name === 'Cost')?.note;
    };
    expect(noteOf({})).toBe('$1.50 in total');
    expect(noteOf({ unknownSinceMs: NOW_MS })).toBe('at least $1.50 in total');
  });

  it('lists each worker once: those that report, and machines that do not yet', () => {
    const { workers } = toStatusBody(toView(seen), []);
    expect(workers).toMatchObject([
      { id: 'two', phase: 'booting' },
      { id: 'one', phase: 'busy', imagesDone: 5 },
    ]);
  });

  it('has the reason of the controller, and whether the controller is alive', () => {
    expect(toStatusBody(toView(seen), []).controller).toMatchObject({
      isAlive: true,
      reason: 'there is work for two',
    });
    const gone = { ...seen, lock: { holder: 'a', epoch: 1, renewedAtMs: 0, unchangedForMs: 20_000 } };
    const body = toStatusBody(toView(gone), []);
    expect(body.controller?.isAlive).toBe(false);
    expect(body.workers).toHaveLength(1);
  });

  it('keeps unknown values unknown, and matches its schema', () => {
    const body = toStatusBody(toView({ ...seen, workers: { unknown: 'timeout' } }), []);
    expect(body).toMatchObject({ deadLetters: { unknown: 'no access' }, workers: { unknown: 'timeout' } });
    expect(statusView.parse(body)).toEqual(body);
  });
});

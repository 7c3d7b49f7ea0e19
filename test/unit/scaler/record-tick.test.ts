import { describe, expect, it } from 'vitest';
import type { Meter, MetricName } from '../../../src/core/runtime/metrics.ts';
import type { Tick } from '../../../src/scaler/controller.ts';
import { recordTick } from '../../../src/scaler/record-tick.ts';
import type { Machine, MachinePhase, Snapshot } from '../../../src/scaler/snapshot.ts';

const machine = (phase: MachinePhase): Machine => ({
  id: phase,
  phase,
  phaseForMs: 0,
  ageMs: 0,
  managed: true,
});

const observed: Snapshot = {
  backlog: { waiting: 7, inFlight: 2, delayed: 1, images: 150 },
  machines: (['booting', 'idle', 'busy', 'draining', 'stopped'] as const).map(machine),
  jobs: [],
  measured: { imagesPerSecond: 10, bootMs: 1000 },
  throughputImagesPerSecond: 0,
};
const cost = { sinceMs: 0, totalUsd: 3, unattributedUsd: 0, byJobUsd: {}, hourlyUsd: 0.36 };

/** The metrics of a tick, by name. */
function metrics({ snapshot = observed, ...others }: { snapshot?: Snapshot } & Partial<Tick> = {}) {
  const recorded: Partial<Record<MetricName, number>> = {};
  const tick = {
    observation: { snapshot },
    decision: { target: 4 },
    report: { cost },
    spentUsd: 0.02,
    ...others,
  } as Tick;
  const meter: Meter = {
    record(name, value) {
      recorded[name] = value;
    },
    flush() {},
  };
  recordTick(meter, tick);
  return recorded;
}

describe('the metrics of the controller', () => {
  it('are those of backlog, fleet and cost', () => {
    expect(metrics()).toEqual({
      BacklogMessages: 8,
      InFlightMessages: 2,
      BacklogImages: 150,
      FleetDesired: 4,
      FleetReady: 2,
      FleetBooting: 1,
      HourlyCostUsd: 0.36,
      SpentUsd: 0.02,
    });
  });

  it('count launches and refusals', () => {
    const answer = {
      started: ['a', 'b'],
      retryable: { count: 3, why: 'no capacity' },
      permanent: { count: 1, why: 'no such type' },
    };
    expect(metrics({ answer })).toMatchObject({ Launches: 2, LaunchRefusals: 4 });
  });

  it('are absent, not zero, for unknown values', () => {
    const unknown = { unknown: 'throttled' };
    const snapshot = { ...observed, backlog: unknown, machines: unknown };
    const report = {} as Tick['report'];
    expect(metrics({ snapshot, report, spentUsd: undefined })).toEqual({});
  });
});

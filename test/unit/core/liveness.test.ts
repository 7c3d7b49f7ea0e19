import { describe, expect, it, vi } from 'vitest';
import type { Queue } from '../../../src/core/cloud/ports.ts';
import { Liveness } from '../../../src/core/fleet/liveness.ts';
import { noMeter } from '../../../src/core/runtime/metrics.ts';
import { startLoop } from '../../../src/scaler/loop.ts';
import { Intake } from '../../../src/worker/intake/intake.ts';
import { Workload } from '../../../src/worker/intake/workload.ts';
import { Readiness } from '../../../src/worker/lifecycle/readiness.ts';
import { Stop } from '../../../src/worker/lifecycle/stop.ts';
import { virtualClock } from '../virtual-clock.ts';
import { SteppingClock } from '../worker/stepping-clock.ts';

const HOUR_MS = 3_600_000;
const log = { debug() {}, info() {}, warn() {}, error() {} };
const never = new Promise<never>(() => {});

describe('the liveness of loops', () => {
  it('reports only loops whose heartbeat is overdue', () => {
    const clock = virtualClock();
    const liveness = new Liveness(clock);
    liveness.heartbeat('hangs');
    liveness.heartbeat('rests');
    liveness.heartbeat('moves');
    liveness.idle('rests');
    clock.advance(HOUR_MS);
    liveness.heartbeat('moves');
    expect(liveness.stalled()).toEqual(['hangs']);
    liveness.heartbeat('hangs');
    expect(liveness.stalled()).toEqual([]);
  });
});

describe('the receive loop of a worker', () => {
  function intake(receive: Queue['receive'], room = 1) {
    const clock = new SteppingClock();
    const liveness = new Liveness(clock);
    const stop = new Stop();
    const queue = { name: 'requests', receive } as unknown as Queue;
    const leases = { hold() {} } as never;
    const service = {
      room: (held: readonly unknown[]) => room - held.length,
      waitMs: () => 0,
      work: () => never,
      onEmptyReceive() {},
      onReceiveError() {},
    };
    const status = { setState() {}, reached() {}, addNewerMessage() {} };
    const workload = new Workload({ stop, status, clock, log });
    const tools = { queue, queueTitle: 'request', leases, clock, random: () => 0, log, meter: noMeter };
    const force = new AbortController().signal;
    void new Intake({ tools, leaseMs: 1000, service, workload, stop, force, liveness }).run();
    return { clock, liveness, stop };
  }

  it('is stalled when the queue never responds', async () => {
    const { clock, liveness } = intake(() => never);
    await clock.advance(HOUR_MS);
    expect(liveness.stalled()).toEqual(['requests']);
  });

  it('is alive with messages, without messages, and while all its slots are busy', async () => {
    const message = { id: '1', body: '', receipt: 'r', receiveCount: 1 } as never;
    const full = intake(async () => [message]);
    await full.clock.advance(HOUR_MS);
    expect(full.liveness.stalled()).toEqual([]);
    const polls = intake(async () => {
      await polls.clock.sleep(20_000);
      return [];
    });
    await polls.clock.advance(HOUR_MS);
    expect(polls.liveness.stalled()).toEqual([]);
  });
});

describe('the loop of a controller', () => {
  const start = (tick: () => Promise<undefined>) => {
    const clock = new SteppingClock();
    const liveness = new Liveness(clock);
    const lock = { keep: async () => {}, epoch: undefined };
    const timing = { tickMs: 5000, lockRenewEveryMs: 2000, lockLookEveryMs: 2000, random: () => 0 };
    const loop = startLoop({
      controller: { tick },
      lock,
      chores: [],
      clock,
      log,
      liveness,
      onProblem() {},
      ...timing,
    });
    return { clock, liveness, loop };
  };

  it('is stalled when a tick never ends', async () => {
    const { clock, liveness } = start(() => never);
    await clock.advance(HOUR_MS);
    expect(liveness.stalled()).toEqual(['tick']);
  });

  it('is alive while its ticks fail, and idle after it has stopped', async () => {
    const { clock, liveness, loop } = start(async () => {
      throw new Error('no access');
    });
    await clock.advance(HOUR_MS);
    expect(liveness.stalled()).toEqual([]);
    await loop.stop();
    await clock.advance(HOUR_MS);
    expect(liveness.stalled()).toEqual([]);
  });
});

describe('a worker is ready', () => {
  it('once its runners have the model, and says so once', () => {
    const onReady = vi.fn();
    const readiness = new Readiness(onReady);
    readiness.reached('runtimeLoadedMs');
    expect(onReady).not.toHaveBeenCalled();
    readiness.reached('modelReadyMs');
    readiness.reached('modelReadyMs');
    expect(onReady).toHaveBeenCalledTimes(1);
  });

  it.each([
    ['before', true],
    ['after', false],
  ])('once it has a runner where there is no model to load, which turns out %s that', (_, isFirst) => {
    const onReady = vi.fn();
    const readiness = new Readiness(onReady);
    if (isFirst) readiness.withoutModel();
    readiness.reached('runtimeLoadedMs');
    if (!isFirst) readiness.withoutModel();
    expect(onReady).toHaveBeenCalledTimes(1);
  });
});

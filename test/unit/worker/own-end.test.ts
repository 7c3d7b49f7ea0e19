import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Store } from '../../../src/core/cloud/ports.ts';
import type { OwnMachine } from '../../../src/core/fleet/machine.ts';
import { noLog } from '../../../src/core/runtime/log.ts';
import { watchOwnEnd } from '../../../src/worker/lifecycle/own-end.ts';
import { Stop } from '../../../src/worker/lifecycle/stop.ts';
import { SteppingClock } from './stepping-clock.ts';

const WITHOUT_CONTROLLER_MS = 30_000;
const machine: OwnMachine = {
  id: 'i-1',
  boot: { kernelToProcessMs: 0 },
  isReclaimed: async () => false,
  end: async () => {},
};

describe('a worker whose controller is gone', () => {
  let clock: SteppingClock;
  let stop: Stop;
  let idleSinceMs: number;
  let watching: Promise<void>;
  beforeEach(() => {
    clock = new SteppingClock();
    stop = new Stop();
    idleSinceMs = 0;
  });
  afterEach(async () => {
    stop.because('drained');
    await watching;
    expect(clock.sleeping).toBe(0);
  });
  const watch = (options: { machine?: OwnMachine }) => {
    const output = { head: async () => undefined } as unknown as Store;
    const idleForMs = () => clock.monotonicMs() - idleSinceMs;
    const exitWithoutControllerMs = WITHOUT_CONTROLLER_MS;
    watching = watchOwnEnd(
      { output, clock, log: noLog, exitWithoutControllerMs, idleForMs, ...options },
      stop,
    );
  };
  /** A message every 20 s. */
  const workFor = async (ms: number) => {
    for (const endMs = clock.monotonicMs() + ms; clock.monotonicMs() < endMs; ) {
      await clock.advance(20_000);
      idleSinceMs = clock.monotonicMs();
    }
  };

  it('on a machine of its own goes on while messages arrive now and then, and ends after the last one', async () => {
    watch({ machine });
    await workFor(600_000);
    expect(stop.reason).toBeUndefined();
    await clock.advance(2 * WITHOUT_CONTROLLER_MS);
    expect(stop.reason).toBe('no_controller');
  });

  it('beside other workers on one machine ends, even with work', async () => {
    watch({});
    await workFor(2 * WITHOUT_CONTROLLER_MS);
    expect(stop.reason).toBe('no_controller');
  });
});

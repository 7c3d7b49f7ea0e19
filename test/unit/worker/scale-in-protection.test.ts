import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Log } from '../../../src/core/runtime/log.ts';
import { noLog } from '../../../src/core/runtime/log.ts';
import { holdProtection } from '../../../src/worker/lifecycle/scale-in-protection.ts';
import { SteppingClock } from './stepping-clock.ts';

/** A machine in a group, and a worker that is busy when the test says so. */
class Setup {
  readonly clock = new SteppingClock();
  readonly requests: boolean[] = [];
  readonly warnings: string[] = [];
  readonly end = new AbortController();
  error: Error | undefined;
  #idleSinceMs: number | undefined = 0;
  readonly #log: Log = { ...noLog, warn: (_, message) => void this.warnings.push(message) };
  readonly holding = holdProtection(
    {
      machine: {
        id: 'i-1',
        protect: async (isProtected) => {
          if (this.error !== undefined) throw this.error;
          this.requests.push(isProtected);
        },
      },
      clock: this.clock,
      log: this.#log,
      idleForMs: () => (this.#idleSinceMs === undefined ? 0 : this.clock.monotonicMs() - this.#idleSinceMs),
    },
    this.end.signal,
  );

  takeWork(): void {
    this.#idleSinceMs = undefined;
  }

  finishWork(): void {
    this.#idleSinceMs = this.clock.monotonicMs();
  }
}

describe('a worker in an Auto Scaling group', () => {
  let setup: Setup;
  beforeEach(() => {
    setup = new Setup();
  });
  afterEach(async () => {
    setup.end.abort();
    await setup.holding;
    expect(setup.clock.sleeping).toBe(0);
  });

  it('is protected from scale-in while it holds messages, and no longer', async () => {
    setup.takeWork();
    await setup.clock.advance(1000);
    expect(setup.requests).toEqual([true]);
    await setup.clock.advance(300_000);
    expect(setup.requests).toEqual([true]);
    setup.finishWork();
    await setup.clock.advance(31_000);
    expect(setup.requests).toEqual([true, false]);
  });

  it('sends one request for many small messages', async () => {
    for (let message = 0; message < 100; message++) {
      setup.takeWork();
      await setup.clock.advance(200);
      setup.finishWork();
      await setup.clock.advance(1800);
    }
    expect(setup.requests).toEqual([true]);
  });

  it('is protected for a message that takes less than a second, too', async () => {
    await setup.clock.advance(5200);
    setup.takeWork();
    await setup.clock.advance(300);
    setup.finishWork();
    await setup.clock.advance(1000);
    expect(setup.requests).toEqual([true]);
  });

  it('removes the protection that a previous worker left, when it is idle', async () => {
    await setup.clock.advance(29_000);
    expect(setup.requests).toEqual([]);
    await setup.clock.advance(300_000);
    expect(setup.requests).toEqual([false]);
  });

  it('works without protection when access is denied, warns once, and retries', async () => {
    setup.error = new Error('Access is denied.');
    setup.takeWork();
    await setup.clock.advance(60_000);
    expect(setup.warnings).toHaveLength(1);
    setup.error = undefined;
    await setup.clock.advance(15_000);
    expect(setup.requests).toEqual([true]);
    setup.error = new Error('Access is denied.');
    setup.finishWork();
    await setup.clock.advance(60_000);
    expect(setup.warnings).toHaveLength(2);
  });

  it('stays protected while it drains', async () => {
    setup.takeWork();
    await setup.clock.advance(1000);
    setup.end.abort();
    setup.finishWork();
    await setup.clock.advance(60_000);
    expect(setup.requests).toEqual([true]);
  });
});

it('a worker outside of a group sends no request', async () => {
  const clock = new SteppingClock();
  await holdProtection({ clock, log: noLog, idleForMs: () => 0 }, new AbortController().signal);
  expect(clock.sleeping).toBe(0);
});

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Log } from '../../../src/core/runtime/log.ts';
import { noLog } from '../../../src/core/runtime/log.ts';
import { holdProtection } from '../../../src/worker/lifecycle/scale-in-protection.ts';
import { SteppingClock } from './stepping-clock.ts';

/** A machine whose group may be told, and a worker that is busy when the test says so. */
class World {
  readonly clock = new SteppingClock();
  readonly said: boolean[] = [];
  readonly warnings: string[] = [];
  readonly end = new AbortController();
  problem: Error | undefined;
  #idleSinceMs: number | undefined = 0;
  readonly #log: Log = { ...noLog, warn: (_, message) => void this.warnings.push(message) };
  readonly holding = holdProtection(
    {
      machine: {
        id: 'i-1',
        protect: async (isProtected) => {
          if (this.problem !== undefined) throw this.problem;
          this.said.push(isProtected);
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
  let world: World;
  beforeEach(() => {
    world = new World();
  });
  afterEach(async () => {
    world.end.abort();
    await world.holding;
    expect(world.clock.sleeping).toBe(0);
  });

  it('is protected from scale-in while messages are in hand, and no longer', async () => {
    world.takeWork();
    await world.clock.advance(1000);
    expect(world.said).toEqual([true]);
    await world.clock.advance(300_000);
    expect(world.said).toEqual([true]);
    world.finishWork();
    await world.clock.advance(31_000);
    expect(world.said).toEqual([true, false]);
  });

  it('says so once for many small messages', async () => {
    for (let message = 0; message < 100; message++) {
      world.takeWork();
      await world.clock.advance(200);
      world.finishWork();
      await world.clock.advance(1800);
    }
    expect(world.said).toEqual([true]);
  });

  it('is protected for a message that is done within a second, too', async () => {
    await world.clock.advance(5200);
    world.takeWork();
    await world.clock.advance(300);
    world.finishWork();
    await world.clock.advance(1000);
    expect(world.said).toEqual([true]);
  });

  it('takes back what a worker before it has left, when there is nothing to do', async () => {
    await world.clock.advance(29_000);
    expect(world.said).toEqual([]);
    await world.clock.advance(300_000);
    expect(world.said).toEqual([false]);
  });

  it('works on where it may not be protected, says so once, and tries again', async () => {
    world.problem = new Error('Access is denied.');
    world.takeWork();
    await world.clock.advance(60_000);
    expect(world.warnings).toHaveLength(1);
    world.problem = undefined;
    await world.clock.advance(15_000);
    expect(world.said).toEqual([true]);
    world.problem = new Error('Access is denied.');
    world.finishWork();
    await world.clock.advance(60_000);
    expect(world.warnings).toHaveLength(2);
  });

  it('stays protected while it drains', async () => {
    world.takeWork();
    await world.clock.advance(1000);
    world.end.abort();
    world.finishWork();
    await world.clock.advance(60_000);
    expect(world.said).toEqual([true]);
  });
});

it('a worker that no group can end asks for nothing', async () => {
  const clock = new SteppingClock();
  await holdProtection({ clock, log: noLog, idleForMs: () => 0 }, new AbortController().signal);
  expect(clock.sleeping).toBe(0);
});

import type { Chore } from '../core/fleet/chore.ts';
import type { Liveness } from '../core/fleet/liveness.ts';
import { backoffMs } from '../core/runtime/backoff.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { isTransient, messageOf } from '../core/runtime/errors.ts';
import type { Log } from '../core/runtime/log.ts';
import type { Controller, Tick } from './controller.ts';
import type { LockKeeper } from './lock.ts';

export interface LoopOptions {
  controller: Pick<Controller, 'tick'>;
  lock: Pick<LockKeeper, 'keep' | 'epoch'>;
  chores: readonly Chore[];
  tickMs: number;
  /** Between two renewals of the lock while it is held. */
  lockRenewEveryMs: number;
  /** Between two looks at the lock while another holds it, and between tries of a renewal that failed. */
  lockLookEveryMs: number;
  clock: Clock;
  /** 0 (inclusive) to 1 (exclusive). */
  random(): number;
  log: Log;
  /** Told how lock and ticks move. Chores may take their time. */
  liveness?: Liveness;
  onTick?(tick: Tick): void;
  /** Told of what trying again cannot help. The loop goes on, slowly: a person may mend it. */
  onProblem(error: unknown): void;
}

export interface Loop {
  /** The next tick comes now. */
  wake(): void;
  /** Resolves when nothing is under way any more. The lock is kept as it is. */
  stop(): Promise<void>;
}

const CHORE_LOOK_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;

/** Keeps the lock, ticks, and does the chores, each at its own pace; faults of the world slow it down and never end it. */
export function startLoop(options: LoopOptions): Loop {
  const { clock, lock, lockRenewEveryMs, lockLookEveryMs, liveness } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  let woken = new AbortController();

  async function keepLock(): Promise<void> {
    while (!signal.aborted) {
      liveness?.heartbeat('controller lock');
      const had = lock.epoch;
      const succeeded = await attempt(options, 'controller lock', () => lock.keep());
      if (lock.epoch !== had) woken.abort();
      const isKept = succeeded && lock.epoch !== undefined;
      await clock.sleep(isKept ? lockRenewEveryMs : lockLookEveryMs, signal);
    }
  }

  async function tick(): Promise<void> {
    const { controller, tickMs, random } = options;
    for (let failures = 0; !signal.aborted; ) {
      liveness?.heartbeat('tick');
      woken = new AbortController();
      const succeeded = await attempt(options, 'tick', async () => {
        const done = await controller.tick();
        if (done !== undefined) options.onTick?.(done);
      });
      failures = succeeded ? 0 : failures + 1;
      const trouble = { baseMs: tickMs, maxMs: LONGEST_PAUSE_MS };
      const pauseMs = succeeded ? tickMs : tickMs + backoffMs(failures, random(), trouble);
      await clock.sleep(pauseMs, AbortSignal.any([signal, woken.signal]));
    }
  }

  const running = Promise.all([keepLock(), tick(), doChores(options, signal)]);
  return {
    wake: () => woken.abort(),
    async stop() {
      stopping.abort();
      await running;
      for (const name of ['controller lock', 'tick']) liveness?.idle(name);
    },
  };
}

/** One after the other, each at its own interval, while we hold the lock. */
async function doChores(options: LoopOptions, signal: AbortSignal): Promise<void> {
  const { chores, clock, lock, log } = options;
  const dueMs = new Map<Chore, number>();
  // A job that cannot be settled is a problem of that job, and of no other.
  const failed = (chore: Chore) => (error: unknown) =>
    log.error({ chore: chore.name, error }, 'A chore failed.');
  while (!signal.aborted) {
    for (const chore of chores) {
      if (lock.epoch === undefined || signal.aborted || clock.monotonicMs() < (dueMs.get(chore) ?? 0))
        continue;
      await attempt({ log, onProblem: failed(chore) }, chore.name, async () => {
        await chore.run(signal, ({ text, ...about }) => log.info({ chore: chore.name, ...about }, text));
      });
      dueMs.set(chore, clock.monotonicMs() + chore.everyMs);
    }
    await clock.sleep(CHORE_LOOK_MS, signal);
  }
}

/** @returns false when it failed, which was told. */
async function attempt(
  { log, onProblem }: Pick<LoopOptions, 'log' | 'onProblem'>,
  what: string,
  act: () => Promise<void>,
): Promise<boolean> {
  try {
    await act();
    return true;
  } catch (error) {
    if (isTransient(error)) log.warn({ error: messageOf(error) }, `The ${what} failed for now.`);
    else onProblem(error);
    return false;
  }
}

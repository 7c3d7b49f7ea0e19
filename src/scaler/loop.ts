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
  /** Between two renewals of a held lock. */
  lockRenewEveryMs: number;
  /** Between two reads of a lock that another controller holds, and before a failed renewal is retried. */
  lockLookEveryMs: number;
  clock: Clock;
  /** 0 (inclusive) to 1 (exclusive). */
  random(): number;
  log: Log;
  /** Gets heartbeats of the lock and of the ticks. Chores may take long, so they send none. */
  liveness?: Liveness;
  onTick?(tick: Tick): void;
  /** Called with an error that a retry will not fix. The loop continues, slowly: a person may fix the cause. */
  onProblem(error: unknown): void;
}

export interface Loop {
  /** Starts the next tick now. */
  wake(): void;
  /** Resolves when the present tick and chore are done. Does not release the lock. */
  stop(): Promise<void>;
}

const CHORE_POLL_MS = 1000;
const MAX_BACKOFF_MS = 60_000;

/** Renews the lock, ticks, and runs the chores, each at its own interval. Transient errors slow it down but never end it. */
export function startLoop(options: LoopOptions): Loop {
  const { clock, lock, lockRenewEveryMs, lockLookEveryMs, liveness } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  let woken = new AbortController();

  async function keepLock(): Promise<void> {
    while (!signal.aborted) {
      liveness?.heartbeat('controller lock');
      const epochBefore = lock.epoch;
      const succeeded = await attempt(options, 'controller lock', () => lock.keep());
      if (lock.epoch !== epochBefore) woken.abort();
      const isKept = succeeded && lock.epoch !== undefined;
      await clock.sleep(isKept ? lockRenewEveryMs : lockLookEveryMs, signal);
    }
  }

  async function tick(): Promise<void> {
    const { controller, tickMs, random } = options;
    let known = new Set<string>();
    for (let failures = 0; !signal.aborted; ) {
      liveness?.heartbeat('tick');
      woken = new AbortController();
      let failed: Tick['failures'] = [];
      const isDone = await attempt(options, 'tick', async () => {
        const done = await controller.tick();
        if (done !== undefined) options.onTick?.(done);
        failed = done?.failures ?? [];
      });
      // The same failure at every tick is reported once.
      for (const { verb, error } of failed)
        if (!known.has(messageOf(error))) reportFailure(options, verb, error);
      known = new Set(failed.map(({ error }) => messageOf(error)));
      const succeeded = isDone && !failed.some(({ error }) => isTransient(error));
      failures = succeeded ? 0 : failures + 1;
      const backoff = { baseMs: tickMs, maxMs: MAX_BACKOFF_MS };
      const pauseMs = succeeded ? tickMs : tickMs + backoffMs(failures, random(), backoff);
      await clock.sleep(pauseMs, AbortSignal.any([signal, woken.signal]));
    }
  }

  const running = Promise.all([keepLock(), tick(), runChores(options, signal)]);
  return {
    wake: () => woken.abort(),
    async stop() {
      stopping.abort();
      await running;
      for (const name of ['controller lock', 'tick']) liveness?.idle(name);
    },
  };
}

/** One after the other, each at its own interval, while this controller holds the lock. */
async function runChores(options: LoopOptions, signal: AbortSignal): Promise<void> {
  const { chores, clock, lock, log } = options;
  const dueMs = new Map<Chore, number>();
  // A chore often fails because of one job. The loop and the other chores go on.
  const logFailure = (chore: Chore) => (error: unknown) =>
    log.error({ chore: chore.name, error }, 'Maintenance task failed.');
  while (!signal.aborted) {
    for (const chore of chores) {
      if (lock.epoch === undefined || signal.aborted || clock.monotonicMs() < (dueMs.get(chore) ?? 0))
        continue;
      await attempt({ log, onProblem: logFailure(chore) }, chore.name, async () => {
        await chore.run(signal, ({ text, ...about }) => log.info({ chore: chore.name, ...about }, text));
      });
      dueMs.set(chore, clock.monotonicMs() + chore.everyMs);
    }
    await clock.sleep(CHORE_POLL_MS, signal);
  }
}

/** @returns false if it failed; the error was logged or passed to `onProblem`. */
async function attempt(
  { log, onProblem }: Pick<LoopOptions, 'log' | 'onProblem'>,
  task: string,
  act: () => Promise<void>,
): Promise<boolean> {
  try {
    await act();
    return true;
  } catch (error) {
    reportFailure({ log, onProblem }, task, error);
    return false;
  }
}

function reportFailure(
  { log, onProblem }: Pick<LoopOptions, 'log' | 'onProblem'>,
  task: string,
  error: unknown,
): void {
  if (isTransient(error)) log.warn({ task, error: messageOf(error) }, 'Transient error; will retry.');
  else onProblem(error);
}

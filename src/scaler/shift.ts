/**
 * A controller that lives only while there is work. Something else starts it again and again, such as a schedule that calls
 * a function of AWS Lambda.
 *
 *     taking the lock --another controller renews it--> ended
 *     taking the lock --taken--> looping --nothing left to do, time is over, or lock lost--> lock released, ended
 */

import type { ControllerTiming } from '../core/fleet/controller-timing.ts';
import type { ControllerReport } from '../core/fleet/fleet.ts';
import { messageOf } from '../core/runtime/errors.ts';
import { isUnknown } from '../core/runtime/unknown.ts';
import type { Tick } from './controller.ts';
import { messagesOf } from './estimator.ts';
import { releaseLock } from './hand-over.ts';
import type { LockKeeper } from './lock.ts';
import { type LoopOptions, startLoop } from './loop.ts';

/**
 * `at rest`: no work is left. `time over`: there may be work, and the next shift goes on with it. `not needed`: another
 * controller acts.
 */
export type ShiftEnd = 'at rest' | 'time over' | 'not needed';

export interface Shift {
  end: ShiftEnd;
  /** When machines must be launched for work that is expected, by the wall clock. */
  launchAtMs?: number | undefined;
}

export interface ShiftOptions extends Omit<LoopOptions, 'lock' | 'onTick' | keyof Intervals> {
  lock: LockKeeper;
  timing: Intervals & Pick<ControllerTiming, 'lockTtlMs'>;
  /** By the monotonic clock: it ends before, whatever is left to do. */
  untilMs: number;
  /** By the monotonic clock: work is expected until then, so it does not end before. */
  expectWorkUntilMs: number;
  /** Called after each tick from the first one with work to the end. */
  onTick(tick: Tick): void;
  writeReport(report: ControllerReport): Promise<void>;
  /** How long after this end the next shift begins at the latest. */
  returnsAfterMs(end: ShiftEnd): number;
}

type Intervals = Pick<ControllerTiming, 'lockRenewEveryMs' | 'lockLookEveryMs'>;

/** Observes, acts and runs every chore at least once, then goes on while there is work. */
export async function runShift(options: ShiftOptions): Promise<Shift> {
  const { lock, clock, timing, untilMs, expectWorkUntilMs } = options;
  if (!(await takeLock(options))) return { end: 'not needed' };
  const { holder } = lock;
  const rest = new AbortController();
  const notRunYet = new Set(options.chores);
  let last: Tick | undefined;
  let hasWorked = false;
  const loop = startLoop({
    ...options,
    ...timing,
    chores: options.chores.map((chore) => ({
      ...chore,
      async run(signal, report) {
        await chore.run(signal, report).finally(() => notRunYet.delete(chore));
        // Chores may send requests, so what the last tick saw does not count.
        if (notRunYet.size === 0) loop.wake();
      },
    })),
    onTick(tick) {
      const works = hasWork(tick);
      hasWorked ||= works;
      if (hasWorked) options.onTick(tick);
      last = tick;
      if (!works && notRunYet.size === 0 && clock.monotonicMs() >= expectWorkUntilMs) rest.abort();
    },
  });
  while (!rest.signal.aborted && lock.holder === holder && clock.monotonicMs() < untilMs)
    await clock.sleep(Math.min(timing.lockLookEveryMs, untilMs - clock.monotonicMs()), rest.signal);
  await loop.stop();
  if (lock.holder !== holder) return { end: 'not needed' };
  const end = rest.signal.aborted ? 'at rest' : 'time over';
  if (last !== undefined && lock.epoch !== undefined) await writeLastReport(options, last.report, end);
  await releaseLock({ lock, clock });
  return { end, launchAtMs: last?.report.expected?.launchAtMs };
}

/** False if another controller renews the lock. If it has stopped renewing it, waits until the lock expires. */
async function takeLock({ lock, clock, timing, untilMs }: ShiftOptions): Promise<boolean> {
  for (;;) {
    await lock.keep();
    if (lock.epoch !== undefined) return true;
    if (!lock.isLate || clock.monotonicMs() >= untilMs) return false;
    await clock.sleep(timing.lockLookEveryMs);
  }
}

/** Whether something is left to do. What is unknown does not count: the next shift looks again. */
function hasWork({ decision, observation: { snapshot } }: Tick): boolean {
  const { backlog, machines, jobs } = snapshot;
  return (
    decision.target > 0 ||
    (!isUnknown(backlog) && messagesOf(backlog) > 0) ||
    (!isUnknown(machines) && machines.some(({ managed, phase }) => managed && phase !== 'stopped')) ||
    // A job that is not sealed may have lost its submitter.
    (!isUnknown(jobs) && jobs.some(({ totalImages }) => totalImages !== undefined))
  );
}

async function writeLastReport(
  { clock, log, writeReport, returnsAfterMs }: ShiftOptions,
  report: ControllerReport,
  end: ShiftEnd,
): Promise<void> {
  try {
    await writeReport({ ...report, returnsByMs: clock.nowMs() + returnsAfterMs(end) });
  } catch (error) {
    log.warn({ error: messageOf(error) }, 'Failed to write the last report of a shift.');
  }
}

import { ulid } from 'ulid';
import { openChores } from '../../app/chores.ts';
import { LiveSettings } from '../../app/live-settings.ts';
import { openLog } from '../../app/log.ts';
import { openMeter } from '../../app/meter.ts';
import { openController, openLock } from '../../app/open-controller.ts';
import { type OpenedFleet, openFleet } from '../../app/open-fleet.ts';
import { systemClock } from '../../app/system-clock.ts';
import { CONTROLLER_TIMING, type ControllerTiming } from '../../core/fleet/controller-timing.ts';
import { Liveness } from '../../core/fleet/liveness.ts';
import { requestQueueName } from '../../core/job/keys.ts';
import { ImgclsError, messageAndHint, messageOf } from '../../core/runtime/errors.ts';
import type { Log } from '../../core/runtime/log.ts';
import type { SettingName } from '../../core/settings/settings.ts';
import { pluralize } from '../../core/text/pluralize.ts';
import type { Tick } from '../../scaler/controller.ts';
import { drainFleet } from '../../scaler/drain.ts';
import { drainAndReleaseLock, handOver, releaseLock } from '../../scaler/hand-over.ts';
import type { LockKeeper } from '../../scaler/lock.ts';
import { startLoop } from '../../scaler/loop.ts';
import type { PolicySettings } from '../../scaler/policy/policy.ts';
import { recordTick } from '../../scaler/record-tick.ts';
import { type Run, withRun } from '../run.ts';
import { InterruptedError, printError } from '../terminal/exit.ts';
import { endOnUncaughtError } from '../terminal/last-resort.ts';
import { notice } from '../terminal/notice.ts';
import { DecisionWriter } from './decisions.ts';

/** Flags of `imgcls scale`: its own, and settings by their names. */
export interface ScaleFlags extends Partial<Record<SettingName, unknown>> {
  once?: boolean;
  dryRun?: boolean;
  drainOnExit?: boolean;
  format: 'text' | 'json';
}

/** Runs `imgcls scale` until an interrupt, or for one tick. */
export function scale({ once, dryRun, drainOnExit, format, ...rest }: ScaleFlags): Promise<void> {
  const { debug: _debug, ...flags } = rest as typeof rest & { debug?: boolean };
  return withRun(flags, async (run) => {
    const { cloud, settings, manager, interrupted } = run;
    const fleet = await openFleet(cloud, settings);
    const live = await LiveSettings.open({ cloud, flags, settings, fleet });
    const { policy } = live;
    const holder = ulid();
    const timing = CONTROLLER_TIMING[cloud.kind];
    const lock = openLock(cloud, holder, timing);
    const log = openLog(settings);
    endOnUncaughtError(log);
    const controller = openController({ cloud, live, settings, policy, timing, lock, holder, fleet, log });
    const writer = new DecisionWriter(format, systemClock);
    const { meter, close: closeMeter } = openMeter(settings, { controller: holder });
    const onTick = (tick: Tick) => {
      recordTick(meter, tick);
      writer.write({ ...tick.decision, reaped: tick.reaped, warnings: tick.report.warnings });
    };

    if (dryRun === true) {
      while (!interrupted.aborted) {
        const { decision } = await controller.look();
        writer.write({ ...decision, dryRun: true });
        if (once === true) return;
        await systemClock.sleep(fleet.tickMs, interrupted);
      }
      return;
    }
    if (once === true) {
      await untilHeld(lock, timing, interrupted);
      const tick = await controller.tick();
      if (tick !== undefined) onTick(tick);
      closeMeter();
      await lock.release();
      const [failure] = tick?.failures ?? [];
      if (failure !== undefined) throw failure.error;
      return;
    }
    const liveness = new Liveness(systemClock);
    const loop = startLoop({
      controller,
      lock,
      chores: openChores(cloud, timing),
      tickMs: fleet.tickMs,
      lockRenewEveryMs: timing.lockRenewEveryMs,
      lockLookEveryMs: timing.lockLookEveryMs,
      clock: systemClock,
      random: Math.random,
      log,
      liveness,
      onTick,
      onProblem: format === 'json' ? logProblem(log) : printError,
    });
    const start = `Controller started for cluster ${cloud.cluster}: ${extent(policy, fleet)}.`;
    notice(start);
    manager.ready(start, () => liveness.stalled());
    await aborted(interrupted);
    manager.stopping('Stopping the controller.');
    await loop.stop();
    closeMeter();
    notice('Stopping the controller.');
    await leave(run, { fleet, lock, drainOnExit: drainOnExit ?? false });
    notice('Controller stopped.');
  });
}

const extent = ({ max }: PolicySettings, { name }: OpenedFleet): string =>
  name === 'none'
    ? 'maintenance only, it launches no workers'
    : `at most ${pluralize(max, 'worker')} (${name} fleet)`;

const logProblem = (log: Log) => (error: unknown) =>
  log.error({ error }, 'Controller error that a retry will not fix.');

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

/** @throws {ImgclsError} when another controller keeps the lock. */
async function untilHeld(
  lock: LockKeeper,
  { lockTtlMs, lockLookEveryMs }: ControllerTiming,
  signal: AbortSignal,
): Promise<void> {
  const untilMs = systemClock.monotonicMs() + 1.5 * lockTtlMs;
  while (!signal.aborted) {
    await lock.keep();
    if (lock.epoch !== undefined) return;
    if (systemClock.monotonicMs() > untilMs) {
      throw new ImgclsError('permanent', `Another controller (${lock.holder}) is running for this cluster.`, {
        hint: 'Run "imgcls status" to see its decisions, or use --dry-run.',
      });
    }
    await systemClock.sleep(lockLookEveryMs / 2, signal);
  }
}

/** Hands the cluster over. On AWS the fleet stays, unless --drain-on-exit; on one machine idle workers end. */
async function leave(
  { cloud }: Run,
  { fleet, lock, drainOnExit }: { fleet: OpenedFleet; lock: LockKeeper; drainOnExit: boolean },
): Promise<void> {
  const timing = CONTROLLER_TIMING[cloud.kind];
  const endWorkers = () => drainFleet({ driver: fleet.driver, lock, timing, clock: systemClock });
  if (cloud.kind === 'local' && !drainOnExit) {
    await handOver(
      {
        lock,
        output: cloud.output,
        requests: cloud.queues.open(requestQueueName(cloud.cluster)),
        endWorkers,
        clock: systemClock,
      },
      [],
    );
    return;
  }
  if (!drainOnExit) return await releaseLock({ lock, clock: systemClock });
  try {
    await drainAndReleaseLock({ lock, endWorkers, clock: systemClock });
  } catch (error) {
    // Replaces the usual advice of an interrupt.
    throw new InterruptedError(error instanceof ImgclsError ? messageAndHint(error) : messageOf(error));
  }
}

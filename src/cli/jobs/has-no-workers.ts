import type { Cloud } from '../../core/cloud/ports.ts';
import { hasHolderEnded, readControllerLock } from '../../core/fleet/controller-lock.ts';
import { lockState } from '../../core/fleet/lock-state.ts';
import { liveReports } from '../../core/fleet/worker-reports.ts';
import type { Clock } from '../../core/runtime/clock.ts';

/** A short wait: only a notice depends on it. */
const LOOK_MS = 2000;

/** Whether neither a controller nor a worker runs, for the cloud of one machine. False if that cannot be read. */
export async function hasNoWorkers(cloud: Cloud, clock: Clock): Promise<boolean> {
  if (cloud.kind !== 'local') return false;
  const signal = AbortSignal.timeout(LOOK_MS);
  try {
    if (await isLockHeld(cloud, clock, signal)) return false;
    for await (const _ of liveReports(cloud.output, clock, signal)) return false;
    return true;
  } catch {
    return false;
  }
}

async function isLockHeld(cloud: Cloud, clock: Clock, signal: AbortSignal): Promise<boolean> {
  const lock = await readControllerLock(cloud.output, signal);
  if (lock === undefined || hasHolderEnded(cloud, lock.record)) return false;
  const { holder, epoch, ttlMs } = lock.record;
  const observed = { holder, epoch, ttlMs, renewedAtMs: lock.info.modifiedAtMs, unchangedForMs: 0 };
  return lockState(observed, { nowMs: clock.nowMs(), cloud: 'local' }) === 'held';
}

import type { ControllerTiming } from '../core/fleet/controller-timing.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { ImgclsError, isTransient, messageOf } from '../core/runtime/errors.ts';
import type { FleetDriver, FleetMember } from './fleet.ts';
import type { LockKeeper } from './lock.ts';

/** What a worker has begun ends well within this. */
const DRAIN_LIMIT_MS = 600_000;
/** The first look comes this many times sooner than later ones, since a worker without work ends at once. */
const FIRST_LOOK_SOONER = 25;

export interface DrainOptions {
  driver: Pick<FleetDriver, 'members' | 'retire'>;
  lock: Pick<LockKeeper, 'keep' | 'epoch'>;
  timing: Pick<ControllerTiming, 'lockRenewEveryMs' | 'drainLookEveryMs'>;
  clock: Clock;
}

/**
 * Retires every machine that a controller launched and resolves when all have ended. The lock is kept meanwhile, and
 * faults of the world are waited out.
 * @returns false where another controller has got the lock: the machines that are left are that one's.
 * @throws {ImgclsError} when some have not ended after ten minutes.
 */
export async function drainFleet(options: DrainOptions): Promise<boolean> {
  const { lock, timing, clock } = options;
  const untilMs = clock.monotonicMs() + DRAIN_LIMIT_MS;
  let renewAtMs = clock.monotonicMs();
  let left: readonly FleetMember[] = [];
  for (let looks = 0; ; looks++) {
    let trouble: unknown;
    try {
      if (lock.epoch === undefined || clock.monotonicMs() >= renewAtMs) {
        await lock.keep();
        if (lock.epoch === undefined) return false;
        renewAtMs = clock.monotonicMs() + timing.lockRenewEveryMs;
      }
      left = await retireAll(options);
      if (left.length === 0) return true;
    } catch (error) {
      if (!isTransient(error)) throw error;
      trouble = error;
    }
    if (clock.monotonicMs() > untilMs) throw notEnded(left, trouble);
    const { drainLookEveryMs } = timing;
    await clock.sleep(Math.min(drainLookEveryMs, (drainLookEveryMs / FIRST_LOOK_SOONER) * 2 ** looks));
  }
}

/** @returns those that have not ended. */
async function retireAll({ driver, lock }: DrainOptions): Promise<readonly FleetMember[]> {
  const members = (await driver.members()).filter(({ state }) => state !== 'stopped');
  const running = members.filter(({ state }) => state === 'running').map(({ id }) => id);
  // The look may have taken longer than we may act.
  if (running.length > 0 && lock.epoch !== undefined) await driver.retire(running);
  return members;
}

function notEnded(left: readonly FleetMember[], trouble: unknown): ImgclsError {
  if (trouble !== undefined)
    return new ImgclsError(
      'permanent',
      `Workers could not be drained in ten minutes: ${messageOf(trouble)}`,
      {
        cause: trouble,
      },
    );
  return new ImgclsError('permanent', `${left.length} workers have not ended within ten minutes.`, {
    hint: `They are ${left.map(({ id }) => id).join(', ')}.`,
  });
}

import type { ControllerTiming } from '../core/fleet/controller-timing.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { ImgclsError, isTransient, messageOf } from '../core/runtime/errors.ts';
import { pluralize } from '../core/text/pluralize.ts';
import type { FleetDriver, FleetMember } from './fleet.ts';
import type { LockKeeper } from './lock.ts';

/** A worker finishes what it has begun well within this. */
const DRAIN_LIMIT_MS = 600_000;
/** The first poll comes this many times sooner than later ones, because an idle worker ends soon. */
const FIRST_POLL_SOONER = 25;

export interface DrainOptions {
  driver: Pick<FleetDriver, 'settle' | 'members' | 'retire' | 'nextEnd'>;
  lock: Pick<LockKeeper, 'keep' | 'epoch'>;
  timing: Pick<ControllerTiming, 'lockRenewEveryMs' | 'drainLookEveryMs'>;
  clock: Clock;
}

/**
 * Retires every managed machine and resolves when all have ended. Renews the lock meanwhile, and retries after transient
 * errors.
 * @returns false if another controller has the lock; it manages the remaining machines.
 * @throws {ImgclsError} if some machines have not ended after ten minutes.
 */
export async function drainFleet(options: DrainOptions): Promise<boolean> {
  const { driver, lock, timing, clock } = options;
  const untilMs = clock.monotonicMs() + DRAIN_LIMIT_MS;
  let renewAtMs = clock.monotonicMs();
  let left: readonly FleetMember[] = [];
  for (let polls = 0; ; polls++) {
    let lastError: unknown;
    const nextEnd = driver.nextEnd?.();
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
      lastError = error;
    }
    if (clock.monotonicMs() > untilMs) throw notEnded(left, lastError);
    const { drainLookEveryMs } = timing;
    const pauseMs = Math.min(drainLookEveryMs, (drainLookEveryMs / FIRST_POLL_SOONER) * 2 ** polls);
    await clock.sleep(pauseMs, nextEnd);
  }
}

/** @returns the members that have not ended. */
async function retireAll({ driver, lock }: DrainOptions): Promise<readonly FleetMember[]> {
  if (lock.epoch !== undefined) await driver.settle?.(lock.epoch);
  const members = (await driver.members()).filter(({ state }) => state !== 'stopped');
  const running = members.filter(({ state }) => state === 'running').map(({ id }) => id);
  // The lock may have expired while the members were read.
  if (running.length > 0 && lock.epoch !== undefined) await driver.retire(running);
  return members;
}

function notEnded(left: readonly FleetMember[], lastError: unknown): ImgclsError {
  if (lastError !== undefined)
    return new ImgclsError(
      'permanent',
      `Failed to drain the workers within 10 minutes: ${messageOf(lastError)}`,
      { cause: lastError },
    );
  const ids = left.map(({ id }) => id).join(', ');
  return new ImgclsError(
    'permanent',
    `${pluralize(left.length, 'worker')} did not end within 10 minutes: ${ids}.`,
    { hint: 'The next controller manages them: "imgcls scale" starts one.' },
  );
}

import type { Clock } from '../core/clock.ts';
import { ImgclsError } from '../core/errors.ts';
import type { FleetDriver } from './fleet.ts';

/** Between looks: short at first, since a worker without work ends at once. */
const LOOK = { baseMs: 10, maxMs: 250 };
/** What a worker has begun ends well within this. */
const DRAIN_LIMIT_MS = 600_000;

/**
 * Retires every machine that a controller launched and resolves when all have ended.
 * @param between is called between looks, to keep the controller lock.
 * @throws {ImgclsError} when some have not ended after ten minutes.
 */
export async function drainFleet(
  driver: Pick<FleetDriver, 'members' | 'retire'>,
  clock: Clock,
  between: () => Promise<void>,
): Promise<void> {
  const untilMs = clock.monotonicMs() + DRAIN_LIMIT_MS;
  for (let looks = 0; ; looks++) {
    const members = (await driver.members()).filter(({ state }) => state !== 'stopped');
    if (members.length === 0) return;
    const running = members.filter(({ state }) => state === 'running').map(({ id }) => id);
    if (running.length > 0) await driver.retire(running);
    if (clock.monotonicMs() > untilMs) {
      throw new ImgclsError('transient', `${members.length} workers have not ended within ten minutes.`, {
        hint: `They are ${members.map(({ id }) => id).join(', ')}.`,
      });
    }
    await between();
    await clock.sleep(Math.min(LOOK.maxMs, LOOK.baseMs * 2 ** looks));
  }
}

import type { Clock } from '../core/clock.ts';
import { CONTROLLER_TIMING, lockLateAfterMs } from '../core/controller-timing.ts';
import { ObjectMissingError } from '../core/errors.ts';
import { controllerLock, STATUS_INTERVAL_MS } from '../core/fleet.ts';
import { CONTROLLER_LOCK_KEY, FLEET_PREFIX } from '../core/keys.ts';
import type { Cloud } from '../core/ports.ts';
import { parseVersioned } from '../core/versioned.ts';

/** A worker that was killed leaves its last report behind. */
const FRESH_MS = 4 * STATUS_INTERVAL_MS;
/** Only a remark depends on it. */
const LOOK_MS = 2000;

/** On one machine: whether neither a controller nor a worker is there. What cannot be read is no reason to say so. */
export async function isUnattended({ kind, output }: Cloud, clock: Clock): Promise<boolean> {
  if (kind !== 'local') return false;
  const signal = AbortSignal.timeout(LOOK_MS);
  try {
    if (await isLockHeld(output, clock, signal)) return false;
    for await (const { modifiedAtMs } of output.list(FLEET_PREFIX, { signal }))
      if (clock.nowMs() - modifiedAtMs < FRESH_MS) return false;
    return true;
  } catch {
    return false;
  }
}

async function isLockHeld(output: Cloud['output'], clock: Clock, signal: AbortSignal): Promise<boolean> {
  try {
    const { info, body } = await output.get(CONTROLLER_LOCK_KEY, { signal });
    const text = new TextDecoder().decode(body);
    if (parseVersioned(controllerLock, text, 'controller lock').holder === undefined) return false;
    return clock.nowMs() - info.modifiedAtMs <= lockLateAfterMs(CONTROLLER_TIMING.local);
  } catch (error) {
    if (error instanceof ObjectMissingError) return false;
    throw error;
  }
}

import type { Clock } from '../core/clock.ts';
import { readControllerLock } from '../core/controller-lock.ts';
import { CONTROLLER_TIMING, lockLateAfterMs } from '../core/controller-timing.ts';
import { WORKER_GONE_MS } from '../core/fleet.ts';
import { FLEET_PREFIX } from '../core/keys.ts';
import type { Cloud } from '../core/ports.ts';

/** Only a remark depends on it. */
const LOOK_MS = 2000;

/** On one machine: whether neither a controller nor a worker is there. What cannot be read is no reason to say so. */
export async function isUnattended({ kind, output }: Cloud, clock: Clock): Promise<boolean> {
  if (kind !== 'local') return false;
  const signal = AbortSignal.timeout(LOOK_MS);
  try {
    if (await isLockHeld(output, clock, signal)) return false;
    // One that was killed leaves its last report behind.
    for await (const { modifiedAtMs } of output.list(FLEET_PREFIX, { signal }))
      if (clock.nowMs() - modifiedAtMs < WORKER_GONE_MS) return false;
    return true;
  } catch {
    return false;
  }
}

async function isLockHeld(output: Cloud['output'], clock: Clock, signal: AbortSignal): Promise<boolean> {
  const lock = await readControllerLock(output, signal);
  if (lock?.record.holder === undefined) return false;
  return clock.nowMs() - lock.info.modifiedAtMs <= lockLateAfterMs(CONTROLLER_TIMING.local);
}

import type { Cloud } from '../cloud/ports.ts';
import { CONTROLLER_TIMING, lockLateAfterMs } from './controller-timing.ts';
import { type ControllerReport, ttlMsOf } from './fleet.ts';

/** The controller lock as a reader observes it that does not want to hold it. */
export interface LockObservation {
  /** Undefined: released. */
  holder: string | undefined;
  epoch: number;
  /** Time of the last renewal, by the store's clock. */
  renewedAtMs: number;
  /** How long the reader has seen the lock unchanged, by its own monotonic clock. 0 at the first look. */
  unchangedForMs: number;
  /** The holder's time to live; absent in locks of older builds. */
  ttlMs?: number | undefined;
  /** The holder's process ran on this machine and is gone. */
  hasHolderEnded?: boolean;
}

/**
 * `free`: no lock, or released. `late`: not renewed in time by the wall clock, so the holder has probably ended. `expired`:
 * watched for a whole time to live without a renewal, or its process is gone: the holder has ended.
 */
export type LockState = 'free' | 'held' | 'late' | 'expired';

/** @param nowMs by the wall clock, which may differ from the store's. */
export function lockState(
  lock: LockObservation | undefined,
  { nowMs, cloud }: { nowMs: number; cloud: Cloud['kind'] },
): LockState {
  if (lock?.holder === undefined) return 'free';
  const lockTtlMs = ttlMsOf(lock, CONTROLLER_TIMING[cloud].lockTtlMs);
  if (lock.hasHolderEnded || lock.unchangedForMs >= lockTtlMs) return 'expired';
  return nowMs - lock.renewedAtMs > lockLateAfterMs({ lockTtlMs }) ? 'late' : 'held';
}

/** Whether a controller that released the lock returns by itself, as soon as there is work: one that AWS Lambda runs. */
export const isResting = (
  report: Pick<ControllerReport, 'returnsByMs'> | undefined,
  nowMs: number,
): boolean => report?.returnsByMs !== undefined && nowMs < report.returnsByMs;

/** Intervals of a controller: of its lock, reports and listings. Its observers derive their limits from them. */
import type { Cloud } from '../cloud/ports.ts';

export interface ControllerTiming {
  /** Time to live of the controller lock without a renewal. After its last renewal the holder acts for half of that time. */
  lockTtlMs: number;
  /** Interval between renewals of the lock. */
  lockRenewEveryMs: number;
  /** Interval between reads of another controller's lock, and between retries of a failed renewal. */
  lockLookEveryMs: number;
  /** Interval at which an unchanged report is written again, as a heartbeat. */
  reportEveryMs: number;
  /** Interval between listings of the fleet while there is no work and no worker. */
  restingListEveryMs: number;
  /** Interval between listings of the fleet while it drains. */
  drainLookEveryMs: number;
}

/**
 * On S3 every renewal, report and listing costs money, also while the cluster is idle. On one machine they cost next to
 * nothing, and a dead holder should be replaced soon (docs/decisions/0029-idle-controller.md).
 */
export const CONTROLLER_TIMING: Readonly<Record<Cloud['kind'], ControllerTiming>> = {
  local: {
    lockTtlMs: 10_000,
    lockRenewEveryMs: 2000,
    lockLookEveryMs: 2000,
    reportEveryMs: 15_000,
    restingListEveryMs: 0,
    drainLookEveryMs: 250,
  },
  aws: {
    lockTtlMs: 60_000,
    lockRenewEveryMs: 15_000,
    lockLookEveryMs: 5000,
    reportEveryMs: 60_000,
    restingListEveryMs: 90_000,
    drainLookEveryMs: 5000,
  },
};

/** Room for a tick, a retried write and clocks that differ. */
const REPORT_SLACK_MS = 45_000;
/** Room for a retried renewal, and for a clock that differs from the store's. */
const LOCK_SLACK_MS = 20_000;

/** Age, by the wall clock, above which a report says nothing about the present. */
export const reportStaleAfterMs = ({ reportEveryMs }: ControllerTiming): number =>
  reportEveryMs + REPORT_SLACK_MS;

/** Time since the last renewal, by the wall clock, above which the holder has probably ended. */
export const lockLateAfterMs = ({ lockTtlMs }: Pick<ControllerTiming, 'lockTtlMs'>): number =>
  lockTtlMs + LOCK_SLACK_MS;

/** A worker without a machine of its own drains and ends after this long without a live lock: a new holder has had time. */
export const noControllerExitMs = ({ lockTtlMs }: ControllerTiming): number => 3 * lockTtlMs;

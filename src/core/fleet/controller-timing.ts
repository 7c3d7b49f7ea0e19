/** How a controller keeps its lock, reports and looks around. Who watches it derives limits from the same figures. */
import type { Cloud } from '../cloud/ports.ts';

export interface ControllerTiming {
  /** How long the controller lock lives without a renewal. Its holder acts for half of that after it sent the last one. */
  lockTtlMs: number;
  /** Between two renewals of the lock by its holder. */
  lockRenewEveryMs: number;
  /** Between two looks at another's lock, and between tries of a renewal that failed. */
  lockLookEveryMs: number;
  /** A report that says nothing new is written so often, to say that it still holds. */
  reportEveryMs: number;
  /** Between two listings where there is no work and no worker. */
  restingListEveryMs: number;
  /** Between two looks at a fleet whose end is waited for. */
  drainLookEveryMs: number;
}

/**
 * On S3 every renewal, report and listing is paid for, also while there is nothing to do. On one machine they cost next
 * to nothing, and whoever waits there wants a dead holder replaced soon (docs/decisions/0029-idle-controller.md).
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

/** A tick, a write that is tried again, and clocks that differ. */
const REPORT_SLACK_MS = 45_000;
/** A renewal that is tried again, and a clock of ours that is not the store's. */
const LOCK_SLACK_MS = 20_000;

/** A report that is as old, by the wall clock, says nothing of now. */
export const reportStaleAfterMs = ({ reportEveryMs }: ControllerTiming): number =>
  reportEveryMs + REPORT_SLACK_MS;

/** A lock that was renewed so long ago, by the wall clock, has probably lost its holder. */
export const lockLateAfterMs = ({ lockTtlMs }: Pick<ControllerTiming, 'lockTtlMs'>): number =>
  lockTtlMs + LOCK_SLACK_MS;

/** A worker without a machine of its own that sees no live lock for this long drains and ends: a new holder had its time. */
export const noControllerExitMs = ({ lockTtlMs }: ControllerTiming): number => 3 * lockTtlMs;

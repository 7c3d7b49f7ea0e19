/** A machine that was launched and does not work yet. Pure. */
import type { Instant } from '../../core/runtime/clock.ts';
import type { FleetMember } from '../fleet.ts';
import { isUnread, type WorkerObservation } from '../statuses.ts';

/** By the monotonic clock. */
export interface Trial {
  sinceMs: number;
  readySinceMs: number | undefined;
}

/** A machine that ended before it worked. */
export interface FailedMachine {
  id: string;
  why: string;
}

/** What a tick sees of a machine. */
export interface Sight {
  member: FleetMember | undefined;
  worker: WorkerObservation | undefined;
  now: Instant;
}

export const hasWorked = (worker: WorkerObservation | undefined): boolean =>
  (worker?.status?.imagesDone ?? 0) > 0;

/** At present or earlier. A worker whose status this version cannot read may work. */
export function isReady(worker: WorkerObservation | undefined): boolean {
  if (isUnread(worker)) return false;
  if (worker?.status === undefined) return worker !== undefined;
  const { state, boot } = worker.status;
  return state === 'ready' || state === 'busy' || boot.readyMs !== undefined;
}

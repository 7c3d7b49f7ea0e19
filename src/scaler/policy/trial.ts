/** A machine that was launched and does not work yet. Pure. */
import { isStopping } from '../../core/fleet/fleet.ts';
import type { Instant } from '../../core/runtime/clock.ts';
import type { FleetMember } from '../fleet.ts';
import { isUnread, type WorkerObservation } from '../statuses.ts';

/** A worker on a sick machine fails at its first batch, well within this time. */
const WORKS_AFTER_READY_MS = 30_000;
/** By the monotonic clock. */
export interface Trial {
  /** Since this controller knows it. */
  sinceMs: number;
  launchedMs: number;
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

/** Notes when the machine became ready. `over`: it ends, which says nothing about its launch. Undefined: it is still on trial. */
export function verdictOf(
  trial: Trial,
  { member, worker, now }: Sight,
): 'works' | 'over' | Pick<FailedMachine, 'why'> | undefined {
  const status = worker?.status;
  if (status?.state === 'booting') trial.readySinceMs = undefined;
  else if (isReady(worker)) trial.readySinceMs ??= now.monotonicMs;
  if (hasWorked(worker)) return 'works';
  if (status?.state === 'failed')
    return { why: `it failed: ${status.failure?.replace(/\.$/, '') ?? 'its worker gave no reason'}` };
  const isStopped = member?.state === 'stopped' || member?.isReclaimed === true;
  if (isStopped || (status !== undefined && isStopping(status.state))) return 'over';
  if (member?.state !== 'running')
    return {
      why: `it ended before ${trial.readySinceMs === undefined ? 'it was ready' : 'its first outcome'}`,
    };
  const readyForMs = now.monotonicMs - (trial.readySinceMs ?? now.monotonicMs);
  return readyForMs >= WORKS_AFTER_READY_MS ? 'works' : undefined;
}

/**
 * When a machine was launched that a controller finds when it begins. Of one whose status was not read yet nothing is known,
 * so its time begins now.
 */
export const launchedMsOf = (
  { launchedAtMs }: FleetMember,
  worker: WorkerObservation | undefined,
  { monotonicMs, wallMs }: Instant,
): number => (isUnread(worker) ? monotonicMs : monotonicMs - Math.max(0, wallMs - launchedAtMs));

export const hasWorked = (worker: WorkerObservation | undefined): boolean =>
  (worker?.status?.imagesDone ?? 0) > 0;

/** At present or earlier. A worker whose status this version cannot read may work. */
function isReady(worker: WorkerObservation | undefined): boolean {
  if (isUnread(worker)) return false;
  if (worker?.status === undefined) return worker !== undefined;
  const { state, boot } = worker.status;
  return state === 'ready' || state === 'busy' || boot.readyMs !== undefined;
}

/** Machines whose worker has failed. Pure. */
import { STATUS_INTERVAL_MS } from '../core/fleet/fleet.ts';
import type { FleetMember } from './fleet.ts';
import type { MachineObservation } from './machines.ts';
import type { WorkerObservation } from './statuses.ts';

/**
 * A machine is ended once its worker has been silent, or has ended, for this long. That is longer than the limit after which
 * the worker counts as gone, because ending a machine may lose work.
 */
const LOST_AFTER_MS = 12 * STATUS_INTERVAL_MS;

export interface ReapInput {
  members: readonly FleetMember[];
  workers: ReadonlyMap<string, WorkerObservation>;
  machineObservation(id: string): MachineObservation | undefined;
  nowMs: number;
  monotonicMs: number;
  bootDeadlineMs: number;
}

export interface Suspect {
  id: string;
  why: string;
}

/**
 * Machines that never became ready, stopped reporting, or are past their expiry. Durations are of the controller's own
 * clock, so a restart of the controller or a wrong clock gives a machine more time, never less.
 */
export function suspects(input: ReapInput): Suspect[] {
  const { members, nowMs } = input;
  return members.flatMap((member) => {
    if (member.state === 'stopped') return [];
    const isExpired = member.expiresAtMs !== undefined && nowMs > member.expiresAtMs;
    const why = isExpired ? 'it is past its expiry' : whyLost(member, input);
    return why === undefined ? [] : [{ id: member.id, why }];
  });
}

function whyLost({ id }: FleetMember, input: ReapInput): string | undefined {
  const { workers, machineObservation, monotonicMs, bootDeadlineMs } = input;
  const worker = workers.get(id);
  const machine = machineObservation(id);
  if (machine === undefined) return undefined;
  // A machine of the warm pool may still have the status of its previous run.
  const silentForMs = Math.min(worker?.silentForMs ?? 0, monotonicMs - machine.firstSeenMs);
  if (silentForMs > LOST_AFTER_MS)
    return `its worker has not reported for ${Math.round(silentForMs / 1000)} s`;
  if (!machine.wasReady && monotonicMs - machine.firstSeenMs > bootDeadlineMs) {
    return `it was not ready within ${Math.round(bootDeadlineMs / 1000)} s`;
  }
  const hasEnded = machine.wasReady && worker === undefined;
  if (hasEnded && monotonicMs - machine.phaseSinceMs > LOST_AFTER_MS) {
    return 'its worker ended but the machine still runs';
  }
  return undefined;
}

/** Machines that nobody will hear of again. Pure. */
import { STATUS_INTERVAL_MS } from '../core/fleet/fleet.ts';
import type { FleetMember } from './fleet.ts';
import type { MachineObservation } from './machines.ts';
import type { WorkerObservation } from './statuses.ts';

/** A machine whose worker is silent, or ended, for so long is lost and ended: later than it counts as gone, as work may be lost. */
const LOST_AFTER_MS = 12 * STATUS_INTERVAL_MS;

export interface ReapInput {
  members: readonly FleetMember[];
  heard: ReadonlyMap<string, WorkerObservation>;
  sightingOf(id: string): MachineObservation | undefined;
  nowMs: number;
  monotonicMs: number;
  bootDeadlineMs: number;
}

export interface Suspect {
  id: string;
  why: string;
}

/**
 * Machines that never became ready, stopped reporting, or outlived their expiry. How long was watched by the
 * controller's own clock: a restart of the controller, or a wrong clock, gives them more time, never less.
 */
export function suspects(input: ReapInput): Suspect[] {
  const { members, nowMs } = input;
  return members.flatMap((member) => {
    if (member.state === 'stopped') return [];
    const isExpired = member.expiresAtMs !== undefined && nowMs > member.expiresAtMs;
    const why = isExpired ? 'it outlived its expiry' : whyLost(member, input);
    return why === undefined ? [] : [{ id: member.id, why }];
  });
}

function whyLost({ id }: FleetMember, input: ReapInput): string | undefined {
  const { heard, sightingOf, monotonicMs, bootDeadlineMs } = input;
  const report = heard.get(id);
  const sighting = sightingOf(id);
  if (sighting === undefined) return undefined;
  // One of the warm pool may find its report of the last time.
  const silentForMs = Math.min(report?.silentForMs ?? 0, monotonicMs - sighting.firstSeenMs);
  if (silentForMs > LOST_AFTER_MS)
    return `its worker has said nothing for ${Math.round(silentForMs / 1000)} s`;
  if (!sighting.wasReady && monotonicMs - sighting.firstSeenMs > bootDeadlineMs) {
    return `it was not ready within ${Math.round(bootDeadlineMs / 1000)} s`;
  }
  const hasEnded = sighting.wasReady && report === undefined;
  if (hasEnded && monotonicMs - sighting.phaseSinceMs > LOST_AFTER_MS) {
    return 'its worker ended and the machine did not';
  }
  return undefined;
}

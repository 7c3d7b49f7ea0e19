/** Machines whose worker has failed. Pure. */
import { STATUS_INTERVAL_MS, WORKER_GONE_MS } from '../core/fleet/fleet.ts';
import type { FleetMember } from './fleet.ts';
import { type MachineObservation, silenceMs } from './machines.ts';
import { isUnread, type WorkerObservation } from './statuses.ts';

/**
 * A machine is ended once its worker has been silent, or has ended, for this long. That is longer than the limit after which
 * the worker counts as gone, because ending a machine may lose work.
 */
const LOST_AFTER_MS = 12 * STATUS_INTERVAL_MS;

/** At most this share of the fleet is ended in one tick because of silence, and at least one machine. */
const MAX_SILENT_SHARE = 0.2;
/** So many silent workers at once, if they are above half of the fleet, point to a common cause. */
const MASS_SILENCE = 3;

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
  /** Its worker may work, and only fail to report. */
  isSilent: boolean;
}

export interface Reaping {
  reap: readonly Suspect[];
  warning: string | undefined;
}

/** Spares machines that are only silent if too many are: then their reports are lost, not the machines. */
export function limitReaping(confirmed: readonly Suspect[], input: ReapInput): Reaping {
  const fleet = input.members.filter(({ state }) => state !== 'stopped');
  const silent = fleet.filter((member) => silentForMs(member, input) > WORKER_GONE_MS).length;
  const others = confirmed.filter(({ isSilent }) => !isSilent);
  if (silent >= MASS_SILENCE && silent > fleet.length / 2) {
    const warning = `${silent} of ${fleet.length} workers have not reported for ${WORKER_GONE_MS / 1000} s. None of them is ended, because so many at once have a common cause. Check that workers can write to the output bucket.`;
    return { reap: others, warning };
  }
  const most = Math.max(1, Math.floor(MAX_SILENT_SHARE * fleet.length));
  const quiet = confirmed.filter(({ isSilent }) => isSilent).slice(0, most);
  return { reap: [...others, ...quiet], warning: undefined };
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
    if (isExpired) return [{ id: member.id, why: 'it is past its expiry', isSilent: false }];
    return whyLost(member, input) ?? [];
  });
}

function silentForMs({ id }: FleetMember, { workers, machineObservation, monotonicMs }: ReapInput): number {
  const machine = machineObservation(id);
  return machine === undefined ? 0 : silenceMs(workers.get(id), machine, monotonicMs);
}

function whyLost(member: FleetMember, input: ReapInput): Suspect | undefined {
  const { id } = member;
  const { workers, machineObservation, monotonicMs, bootDeadlineMs } = input;
  const worker = workers.get(id);
  const machine = machineObservation(id);
  if (machine === undefined) return undefined;
  const silentMs = silentForMs(member, input);
  if (silentMs > LOST_AFTER_MS)
    return { id, why: `its worker has not reported for ${Math.round(silentMs / 1000)} s`, isSilent: true };
  // Its worker may have been ready for long.
  if (isUnread(worker)) return undefined;
  if (!machine.wasReady && monotonicMs - machine.firstSeenMs > bootDeadlineMs) {
    return { id, why: `it was not ready within ${Math.round(bootDeadlineMs / 1000)} s`, isSilent: false };
  }
  const hasEnded = machine.wasReady && worker === undefined;
  if (hasEnded && monotonicMs - machine.phaseSinceMs > LOST_AFTER_MS) {
    return { id, why: 'its worker ended but the machine still runs', isSilent: true };
  }
  return undefined;
}

import type { StatusView } from '../../src/cli/fleet/status-view.ts';
import { isResting } from '../../src/core/fleet/lock-state.ts';
import { isUnknown } from '../../src/core/runtime/unknown.ts';

/** What the live test needs to know about a cluster. */
export interface Fleet {
  /** Machines that work or cost money, including booting and draining ones. */
  machines: number;
  isControlled: boolean;
}

/** A lock that was not renewed for longer has no active holder. */
const ALIVE_MS = 30_000;

/** Parses the output of `imgcls status --format json`; undefined if a needed part is unknown. */
export function parseFleet(json: string): Fleet | undefined {
  const { lock, report, workers, atMs } = JSON.parse(json) as StatusView;
  if (isUnknown(lock) || isUnknown(report) || isUnknown(workers)) return undefined;
  const machines = new Set([
    ...(report?.machines ?? []).filter(({ phase }) => phase !== 'stopped').map(({ id }) => id),
    ...workers.flatMap((worker) => (isUnknown(worker) ? [] : worker.id)),
  ]);
  const isHeld = lock?.holder !== undefined && atMs - lock.renewedAtMs < ALIVE_MS;
  const isControlled = isHeld || isResting(report, atMs);
  return { machines: machines.size, isControlled };
}

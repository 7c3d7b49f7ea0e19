import type { StatusView } from '../../src/cli/fleet/status-view.ts';
import { isUnknown } from '../../src/core/runtime/unknown.ts';

/** What the story wants to know of a cluster. */
export interface Fleet {
  /** Those that work or cost money, booting and draining ones included. */
  machines: number;
  isControlled: boolean;
}

/** A lock that was not renewed for longer is nobody's. */
const ALIVE_MS = 30_000;

/** What `imgcls status --format json` says; undefined where it could not see all that counts. */
export function parseFleet(json: string): Fleet | undefined {
  const { lock, report, workers, atMs } = JSON.parse(json) as StatusView;
  if (isUnknown(lock) || isUnknown(report) || isUnknown(workers)) return undefined;
  const machines = new Set([
    ...(report?.machines ?? []).filter(({ phase }) => phase !== 'stopped').map(({ id }) => id),
    ...workers.flatMap((worker) => (isUnknown(worker) ? [] : worker.id)),
  ]);
  const isControlled = lock?.holder !== undefined && atMs - lock.renewedAtMs < ALIVE_MS;
  return { machines: machines.size, isControlled };
}

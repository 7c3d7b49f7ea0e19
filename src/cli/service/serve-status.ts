// The cluster's status as the REST API returns it.

import type { Cloud, Store } from '../../core/cloud/ports.ts';
import {
  type ControllerReport,
  type FleetSample,
  WORKER_GONE_MS,
  type WorkerState,
  type WorkerStatus,
} from '../../core/fleet/fleet.ts';
import { isResting, lockState } from '../../core/fleet/lock-state.ts';
import type { Clock } from '../../core/runtime/clock.ts';
import { isUnknown, type Unknown } from '../../core/runtime/unknown.ts';
import { readHistory } from '../../scaler/history.ts';
import type { StatusBody } from '../../web/api.ts';
import { StatusReader } from '../fleet/status-read.ts';
import { type StatusView, toView } from '../fleet/status-view.ts';

/** Reuse a status younger than this: many pages may ask at once. */
const FRESH_MS = 1000;

/** Reads a cluster's status. Concurrent callers share one read. */
export function createStatusSource({
  cloud,
  clock,
  signal,
}: {
  cloud: Cloud;
  clock: Clock;
  signal: AbortSignal;
}): {
  read(): Promise<StatusBody>;
} {
  const reader = new StatusReader({ cloud, clock, signal });
  let last: { body: Promise<StatusBody>; atMs: number } | undefined;
  return {
    async read() {
      const nowMs = clock.monotonicMs();
      if (last === undefined || nowMs - last.atMs > FRESH_MS)
        last = { body: readBody(reader, cloud.output), atMs: nowMs };
      return await last.body;
    },
  };
}

async function readBody(reader: StatusReader, output: Store): Promise<StatusBody> {
  // The charts' history is optional: without it, still return the present status.
  const [seen, history] = await Promise.all([reader.read(), readHistory(output).catch(() => [])]);
  return toStatusBody(toView(seen), history);
}

/** Pure. Unknown values stay unknown, with their reasons. */
export function toStatusBody(view: StatusView, history: readonly FleetSample[]): StatusBody {
  const { cluster, cloud, atMs, requests, deadLetters, imagesPerSecond, backlogImages, backlogMs } = view;
  const controller = controllerOf(view);
  return {
    cluster,
    cloud,
    atMs,
    ...(controller && { controller }),
    requests,
    deadLetters,
    workers: workersOf(view),
    imagesPerSecond,
    backlogImages,
    backlogMs,
    history: [...history],
  };
}

function controllerOf(view: StatusView): StatusBody['controller'] {
  const { report } = view;
  if (isUnknown(report) || report === undefined) return undefined;
  const { reason, warnings, policy, min, max, target, cost } = report;
  return {
    isAlive: isAlive(view),
    reason,
    warnings,
    policy,
    min,
    max,
    target,
    ...(cost && costOf(cost)),
  };
}

const costOf = ({ hourlyUsd, totalUsd, unknownSinceMs }: NonNullable<ControllerReport['cost']>) => ({
  hourlyUsd,
  totalUsd,
  ...(unknownSinceMs !== undefined && { unknownSinceMs }),
});

function isAlive({ lock, report, atMs, cloud }: StatusView): boolean {
  if (isUnknown(lock)) return false;
  const state = lockState(lock, { nowMs: atMs, cloud });
  return state === 'held' || (state === 'free' && !isUnknown(report) && isResting(report, atMs));
}

type WorkerBody = Exclude<StatusBody['workers'], Unknown>[number];

const PHASES: Record<WorkerState, WorkerBody['phase']> = {
  booting: 'booting',
  ready: 'idle',
  busy: 'busy',
  draining: 'draining',
  outdated: 'draining',
  failed: 'draining',
};

/** Workers that report, and machines of the controller's report that do not report themselves yet. */
function workersOf(view: StatusView): StatusBody['workers'] {
  const { workers, report, atMs } = view;
  if (isUnknown(workers)) return workers;
  const reporting = new Map<string, WorkerStatus>();
  for (const worker of workers)
    if (!isUnknown(worker) && atMs - worker.updatedAtMs < WORKER_GONE_MS) reporting.set(worker.id, worker);
  const isCurrent = isAlive(view) && !isUnknown(report) && report !== undefined;
  const machines = isCurrent ? report.machines.filter(({ id }) => !reporting.has(id)) : [];
  return [
    ...machines.map(({ id, phase, launchedAtMs }) => ({ id, phase, sinceMs: launchedAtMs })),
    ...[...reporting.values()].map(
      (worker): WorkerBody => ({
        id: worker.id,
        phase: PHASES[worker.state],
        host: worker.host,
        sinceMs: worker.startedAtMs,
        imagesDone: worker.imagesDone,
        imagesPerSecond: worker.imagesPerSecond,
        rssBytes: worker.rssBytes,
        models: worker.models,
        version: worker.version,
      }),
    ),
  ];
}

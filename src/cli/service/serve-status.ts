// The cluster's status as the REST service answers it.

import type { Cloud, Store } from '../../core/cloud/ports.ts';
import { CONTROLLER_TIMING, lockLateAfterMs } from '../../core/fleet/controller-timing.ts';
import {
  type FleetSample,
  ttlMsOf,
  WORKER_GONE_MS,
  type WorkerState,
  type WorkerStatus,
} from '../../core/fleet/fleet.ts';
import type { Clock } from '../../core/runtime/clock.ts';
import { readHistory } from '../../scaler/history.ts';
import { isUnknown } from '../../scaler/snapshot.ts';
import type { StatusBody } from '../../web/api.ts';
import { StatusReader } from '../fleet/status-read.ts';
import { type StatusView, toView } from '../fleet/status-view.ts';

/** A read that is younger answers again: a thousand pages may ask. */
const FRESH_MS = 1000;

/** Reads a cluster's status, once for all who ask at a time. */
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
  // Charts without a past are no reason to say nothing of the present.
  const [seen, history] = await Promise.all([reader.read(), readHistory(output).catch(() => [])]);
  return toStatusBody(toView(seen), history);
}

/** Pure. What is unknown stays so, with its reason. */
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
    ...(cost && { hourlyUsd: cost.hourlyUsd, totalUsd: cost.totalUsd }),
  };
}

/** Whether somebody holds the controller lock and has renewed it lately. */
function isAlive({ lock, atMs, cloud }: StatusView): boolean {
  if (isUnknown(lock) || lock?.holder === undefined) return false;
  const lockTtlMs = ttlMsOf(lock, CONTROLLER_TIMING[cloud].lockTtlMs);
  if (lock.unchangedForMs >= lockTtlMs) return false;
  return atMs - lock.renewedAtMs <= lockLateAfterMs({ lockTtlMs });
}

type WorkerBody = Exclude<StatusBody['workers'], { unknown: string }>[number];

const PHASES: Record<WorkerState, WorkerBody['phase']> = {
  booting: 'booting',
  ready: 'idle',
  busy: 'busy',
  draining: 'draining',
  outdated: 'draining',
};

/** Machines that the controller knows and workers that report, each once. */
function workersOf(view: StatusView): StatusBody['workers'] {
  const { workers, report, atMs } = view;
  if (isUnknown(workers)) return workers;
  const heard = new Map<string, WorkerStatus>();
  for (const worker of workers)
    if (!isUnknown(worker) && atMs - worker.updatedAtMs < WORKER_GONE_MS) heard.set(worker.id, worker);
  const isCurrent = isAlive(view) && !isUnknown(report) && report !== undefined;
  const machines = isCurrent ? report.machines.filter(({ id }) => !heard.has(id)) : [];
  return [
    ...machines.map(({ id, phase, launchedAtMs }) => ({ id, phase, sinceMs: launchedAtMs })),
    ...[...heard.values()].map(
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

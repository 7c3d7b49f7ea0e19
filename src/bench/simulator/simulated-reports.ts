/** The statuses of simulated workers, as late as those of real ones. */
import { STATUS_INTERVAL_MS, type WorkerState, type WorkerStatus } from '../../core/fleet/fleet.ts';
import type { WorkerObservation } from '../../scaler/statuses.ts';
import type { SimulatedMachine } from './simulated-machine.ts';

/** After work a worker soon reports that its rate has fallen. */
const AFTER_WORK_MS = 3000;

interface Report {
  status: WorkerStatus;
  busyMs: number;
  atMs: number;
}

const states: Readonly<Record<SimulatedMachine['phase'], WorkerState>> = {
  booting: 'booting',
  idle: 'ready',
  busy: 'busy',
  draining: 'draining',
};

export class SimulatedReports {
  #reports = new Map<string, Report>();

  /** A worker reports when its state has changed, and every 15 s. */
  read(machines: Iterable<SimulatedMachine>, nowMs: number): Map<string, WorkerObservation> {
    const before = this.#reports;
    this.#reports = new Map();
    const observations = new Map<string, WorkerObservation>();
    for (const machine of machines) {
      const last = before.get(machine.id);
      const isNew = last === undefined || isDue(last, machine, nowMs);
      const report = isNew ? reportOf(machine, last, nowMs) : last;
      this.#reports.set(machine.id, report);
      observations.set(machine.id, {
        status: report.status,
        silentForMs: nowMs - report.atMs,
        modifiedAtMs: report.atMs,
        isNew,
      });
    }
    return observations;
  }
}

function isDue({ status, atMs }: Report, machine: SimulatedMachine, nowMs: number): boolean {
  if (machine.isHung) return false;
  const isFirstResult = status.imagesDone === 0 && machine.imagesDone > 0;
  const isCoolingDown = status.state === 'ready' && (status.busyShare ?? 0) > 0;
  const everyMs = isCoolingDown ? AFTER_WORK_MS : STATUS_INTERVAL_MS;
  return states[machine.phase] !== status.state || isFirstResult || nowMs - atMs >= everyMs;
}

function reportOf(machine: SimulatedMachine, last: Report | undefined, nowMs: number): Report {
  const { id, launchedAtMs, readyAtMs, imagesDone, messagesDone, imagesByJob } = machine;
  const busyMs = machine.busyMs(nowMs);
  const sinceMs = Math.max(1, nowMs - (last?.atMs ?? launchedAtMs));
  const status: WorkerStatus = {
    v: 1,
    id,
    state: states[machine.phase],
    host: id,
    managed: true,
    pid: 1,
    startedAtMs: launchedAtMs,
    updatedAtMs: nowMs,
    boot: readyAtMs === undefined ? {} : { readyMs: readyAtMs - launchedAtMs },
    imagesDone,
    messagesDone,
    imagesPerSecond: (1000 * (imagesDone - (last?.status.imagesDone ?? 0))) / sinceMs,
    busyShare: Math.min(1, (busyMs - (last?.busyMs ?? 0)) / sinceMs),
    imagesByJob: Object.fromEntries(imagesByJob),
    runners: 1,
    rssBytes: 0,
    peakRssBytes: 0,
    models: [],
    version: 'simulated',
  };
  return { status, busyMs, atMs: nowMs };
}

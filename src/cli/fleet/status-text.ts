/** A status for a person. Pure. */

import type { QueueDepth } from '../../core/cloud/ports.ts';
import {
  CONTROLLER_TIMING,
  lockLateAfterMs,
  reportStaleAfterMs,
} from '../../core/fleet/controller-timing.ts';
import { ttlMsOf, WORKER_GONE_MS, type WorkerStatus } from '../../core/fleet/fleet.ts';
import { dollars } from '../../core/money/money.ts';
import { pluralize } from '../../core/money/pluralize.ts';
import { harmless, plainName } from '../../results/export.ts';
import { isUnknown, type OrUnknown } from '../../scaler/snapshot.ts';
import { byteSize } from '../terminal/byte-size.ts';
import { duration } from '../terminal/progress.ts';
import { drawTable } from '../terminal/table.ts';
import type { JobObservation, LockObservation, StatusView } from './status-view.ts';

/** Every line brings its end. */
export function statusText(view: StatusView): string {
  const rows = [
    row('cluster', `${view.cluster} (${view.cloud}), ${new Date(view.atMs).toISOString()}`),
    ...controllerRows(view),
    ...queueRows(view),
    ...costRows(view),
    ...fleetRows(view),
    ...jobRows(view),
  ];
  return rows.map((line) => `${harmless(line)}\n`).join('');
}

function indented(head: readonly string[], cells: readonly (readonly string[])[]): string[] {
  if (cells.length === 0) return [];
  const table = drawTable(head, cells, { frame: 'none' });
  return table.split('\n').map((line) => `  ${line}`);
}
const row = (name: string, text: string): string => `${name.padEnd(13)}${text}`;

/** What could not be read says so, and why. */
const orUnknown = <T>(value: OrUnknown<T>, text: (value: T) => string): string =>
  isUnknown(value) ? `unknown: ${value.unknown}` : text(value);

function controllerRows(view: StatusView): string[] {
  const { report, lock } = view;
  const rows = [
    row(
      'controller',
      orUnknown(lock, (known) => lockText(known, view)),
    ),
  ];
  if (isUnknown(report)) return [...rows, row('', `its report is unknown: ${report.unknown}`)];
  if (report === undefined) return rows;
  const { policy, driver, min, max, target, reason, warnings, updatedAtMs } = report;
  const since = isCurrent(view) ? '' : `, as of ${ago(view.atMs - updatedAtMs)}`;
  return [
    ...rows,
    row('', `policy ${policy}, ${driver} fleet, ${min} to ${max} workers, target ${target}${since}`),
    row('', `because: ${reason}`),
    ...warnings.map((warning) => row('', `WARNING: ${warning}`)),
  ];
}

/** Whether what the controller reported last is how things are: it lives, and it said so lately. */
function isCurrent({ report, lock, atMs, cloud }: StatusView): boolean {
  if (isUnknown(report) || report === undefined) return false;
  if (atMs - report.updatedAtMs >= reportStaleAfterMs(CONTROLLER_TIMING[cloud])) return false;
  return isUnknown(lock) || lock?.holder !== undefined;
}

function lockText(lock: LockObservation | undefined, { atMs, cloud }: StatusView): string {
  if (lock?.holder === undefined) return `none runs; ${howToStart(cloud)}`;
  const heard = `${lock.holder}, epoch ${lock.epoch}, last heard of ${ago(atMs - lock.renewedAtMs)}`;
  const lockTtlMs = ttlMsOf(lock, CONTROLLER_TIMING[cloud].lockTtlMs);
  if (lock.unchangedForMs >= lockTtlMs)
    return `${heard}: gone, as its lock has not changed for ${duration(lock.unchangedForMs)}; ${howToStart(cloud)}`;
  const isLate = atMs - lock.renewedAtMs > lockLateAfterMs({ lockTtlMs });
  return isLate ? `${heard}: probably gone; ${howToStart(cloud)}` : heard;
}

const howToStart = (cloud: StatusView['cloud']): string =>
  cloud === 'local'
    ? '"imgcls scale --max 4" starts one, and an upload brings its own'
    : '"imgcls scale --max 4" starts one';

const ago = (ms: number): string => `${duration(Math.max(0, ms))} ago`;

function queueRows({ requests, deadLetters, backlogImages, backlogMs }: StatusView): string[] {
  const eta = isUnknown(backlogMs)
    ? `, time left unknown: ${backlogMs.unknown}`
    : `, ${duration(backlogMs)} left`;
  const images =
    isUnknown(backlogImages) || backlogImages === 0 ? '' : `, about ${backlogImages} images${eta}`;
  const depth = ({ waiting, inFlight, delayed }: QueueDepth) =>
    `${pluralize(waiting, 'request')} waiting, ${inFlight} in flight${delayed > 0 ? `, ${delayed} delayed` : ''}${images}`;
  return [
    row('backlog', orUnknown(requests, depth)),
    row('dead letters', orUnknown(deadLetters, lettersText)),
  ];
}

function lettersText({ waiting, inFlight, delayed }: QueueDepth): string {
  const letters = waiting + inFlight + delayed;
  if (letters === 0) return 'none';
  return `${letters}: requests that nobody could finish; a controller turns them into error outcomes`;
}

function costRows({ report }: StatusView): string[] {
  if (isUnknown(report)) return [row('cost', `unknown: ${report.unknown}`)];
  if (report === undefined) return [row('cost', 'unknown: no controller has reported')];
  const { cost } = report;
  if (cost === undefined) return [row('cost', 'unknown: no price of a machine is known (set pricePerHour)')];
  const since = new Date(cost.sinceMs).toISOString();
  const now = `${dollars(cost.hourlyUsd)} an hour now`;
  return [row('cost', `${dollars(cost.totalUsd)} for machines since ${since}, ${now}`)];
}

function fleetRows(view: StatusView): string[] {
  const { workers, atMs } = view;
  if (isUnknown(workers)) return [row('fleet', `unknown: ${workers.unknown}`)];
  const understood = workers.filter((worker): worker is WorkerStatus => !isUnknown(worker));
  const machines = isUnknown(view.report) ? [] : (view.report?.machines ?? []);
  const kinds = new Map(machines.map(({ id, kind }) => [id, kind ?? '']));
  const reporting = new Set(understood.map(({ id }) => id));
  // Instances stay without a controller; the workers of one machine end soon.
  const isThere = isCurrent(view) || view.cloud === 'aws';
  const silent = isThere ? machines.filter(({ id }) => !reporting.has(id)) : [];
  const rate = orUnknown(view.imagesPerSecond, (value) => `${value.toFixed(1)} images/s`);
  const summary = `${pluralize(understood.length + silent.length, 'worker')}, ${rate}`;
  const cells = [
    ...understood.map((worker) => workerCells(worker, kinds.get(worker.id) ?? '', atMs)),
    ...silent.map(({ id, phase, launchedAtMs, kind = '' }) => [
      plainName(id),
      phase,
      '-',
      '-',
      duration(Math.max(0, atMs - launchedAtMs)),
      '-',
      kind,
    ]),
  ];
  return [
    row('fleet', summary),
    ...workers.filter(isUnknown).map(({ unknown }) => row('', `a worker is unknown: ${unknown}`)),
    ...indented(['worker', 'state', 'images/s', 'images', 'age', 'memory', 'kind'], cells),
  ];
}

function workerCells(worker: WorkerStatus, kind: string, atMs: number): string[] {
  const silentMs = atMs - worker.updatedAtMs;
  const isSilent = silentMs >= WORKER_GONE_MS;
  return [
    plainName(worker.id),
    isSilent ? `silent for ${duration(silentMs)}, was ${worker.state}` : worker.state,
    isSilent ? '-' : worker.imagesPerSecond.toFixed(1),
    String(worker.imagesDone),
    duration(Math.max(0, atMs - worker.startedAtMs)),
    byteSize(worker.rssBytes),
    kind,
  ];
}

function jobRows({ jobs, jobMs }: StatusView): string[] {
  if (isUnknown(jobs)) return [row('jobs', `unknown: ${jobs.unknown}`)];
  const understood = jobs.filter((job): job is JobObservation => !isUnknown(job));
  const timeLeft = (id: string) => {
    const ms = isUnknown(jobMs) ? undefined : jobMs[id];
    return ms === undefined ? '-' : duration(ms);
  };
  const cells = understood.map(({ id, state, done, total, usd }) => [
    plainName(id),
    state,
    `${done} of ${total ?? '?'}`,
    timeLeft(id),
    orUnknown(usd, (known) => (known === undefined ? '-' : dollars(known))),
  ]);
  return [
    row('jobs', jobs.length === 0 ? 'none is unfinished' : `${jobs.length} unfinished`),
    ...jobs.filter(isUnknown).map(({ unknown }) => row('', `a job is unknown: ${unknown}`)),
    ...indented(['job', 'state', 'done', 'left', 'cost'], cells),
  ];
}

// The status of a cluster as text. Pure.

import type { QueueDepth } from '../../core/cloud/ports.ts';
import { CONTROLLER_TIMING, reportStaleAfterMs } from '../../core/fleet/controller-timing.ts';
import {
  type ControllerReport,
  outlivesWorker,
  WORKER_GONE_MS,
  type WorkerStatus,
} from '../../core/fleet/fleet.ts';
import { isResting, type LockObservation, lockState } from '../../core/fleet/lock-state.ts';
import { dollars } from '../../core/money/money.ts';
import { isUnknown, type OrUnknown } from '../../core/runtime/unknown.ts';
import { CLUSTER_ORIGIN } from '../../core/settings/cluster-settings.ts';
import { byteSize } from '../../core/text/byte-size.ts';
import { duration } from '../../core/text/duration.ts';
import { harmless, plainName } from '../../core/text/harmless.ts';
import { pluralize } from '../../core/text/pluralize.ts';
import { stateWord } from '../jobs/job-words.ts';
import { type Screen, UNBOUNDED } from '../terminal/screen.ts';
import { drawTable } from '../terminal/table.ts';
import type { JobObservation, StatusView } from './status-view.ts';

/** @returns lines that each end in a newline. */
export function statusText(view: StatusView, screen: Screen = UNBOUNDED): string {
  const rows = [
    row('cluster', `${view.cluster} (${view.cloud}), ${new Date(view.atMs).toISOString()}`),
    ...controllerRows(view),
    ...queueRows(view),
    ...costRows(view),
    ...fleetRows(view, screen),
    ...jobRows(view, screen),
  ];
  return rows.map((line) => `${harmless(line)}\n`).join('');
}

function indented(
  head: readonly string[],
  cells: readonly (readonly string[])[],
  { columns }: Screen,
): string[] {
  if (cells.length === 0) return [];
  // The caller escapes control characters, colours among them.
  const screen = { columns: columns && columns - INDENT.length, hasColours: false };
  const table = drawTable(head, cells, {
    frame: 'none',
    screen,
    dropFirst: ['kind', 'memory', 'age', 'cost'],
  });
  return table.split('\n').map((line) => `${INDENT}${line}`);
}
const INDENT = '  ';

const row = (name: string, text: string): string => `${name.padEnd(13)}${text}`;

/** A value that could not be read is shown with the reason. */
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
  if (isUnknown(report)) return [...rows, row('', `cannot read its report: ${report.unknown}`)];
  if (report === undefined) return rows;
  const { policy, driver, min, max, target, reason, warnings, updatedAtMs } = report;
  const since = isCurrent(view) ? '' : `, as of ${ago(view.atMs - updatedAtMs)}`;
  return [
    ...rows,
    ...(driver === 'none'
      ? [row('', `maintenance only: it launches no workers (none fleet)${since}`)]
      : [
          row(
            '',
            `target ${pluralize(target, 'worker')}, scales from ${min} to ${max} (${driver} fleet, policy ${policy})${since}`,
          ),
          row('', `reason: ${reason}`),
          ...unreadRows(report),
          ...changedSettingsRows(report),
          ...expectedRows(view, report),
        ]),
    ...warnings.map((warning) => row('', `WARNING: ${warning}`)),
  ];
}

function unreadRows({ unreadStatuses = 0 }: ControllerReport): string[] {
  if (unreadStatuses === 0) return [];
  return [
    row('', `estimates: of ${pluralize(unreadStatuses, 'worker')} it knows the status of up to a minute ago`),
  ];
}

/** What "imgcls cluster set" changed. */
function changedSettingsRows({ settings = {} }: ControllerReport): string[] {
  const changed = Object.entries(settings).filter(([, { from }]) => from === CLUSTER_ORIGIN);
  if (changed.length === 0) return [];
  const each = changed.map(([name, { value }]) => `${name}=${String(value)}`);
  return [row('', `settings: ${each.join(' ')} (imgcls cluster set)`)];
}

/** Work that the controller expects, and why. */
function expectedRows(view: StatusView, { expected }: ControllerReport): string[] {
  if (expected === undefined || !isCurrent(view) || expected.untilMs < view.atMs) return [];
  const { atMs, launchAtMs, rhythm } = expected;
  const when = atMs > view.atMs ? `in ${duration(atMs - view.atMs)}` : 'now';
  const launch =
    launchAtMs > view.atMs ? `workers start in ${duration(launchAtMs - view.atMs)}` : 'workers are started';
  return [row('', `forecast: work is expected ${when} (${rhythm}); ${launch}`)];
}

/** Whether the last report describes the present: it is recent and the lock has a holder, or the controller is at rest. */
function isCurrent({ report, lock, atMs, cloud }: StatusView): boolean {
  if (isUnknown(report) || report === undefined) return false;
  if (isResting(report, atMs)) return true;
  if (atMs - report.updatedAtMs >= reportStaleAfterMs(CONTROLLER_TIMING[cloud])) return false;
  return isUnknown(lock) || (lock?.holder !== undefined && !lock.hasHolderEnded);
}

function lockText(lock: LockObservation | undefined, { report, atMs, cloud }: StatusView): string {
  const state = lockState(lock, { nowMs: atMs, cloud });
  if (state === 'free' && !isUnknown(report) && report !== undefined && isResting(report, atMs))
    return `at rest, last look ${ago(atMs - report.updatedAtMs)}. It returns within a minute when there is work`;
  if (lock === undefined || state === 'free') return `none running. ${howToStart(cloud)}`;
  const holder = `${lock.holder}, epoch ${lock.epoch}, lock renewed ${ago(atMs - lock.renewedAtMs)}`;
  if (state === 'held') return holder;
  return `${holder}: ${endedText(lock, state)}. ${howToStart(cloud)}`;
}

function endedText({ hasHolderEnded, unchangedForMs }: LockObservation, state: 'late' | 'expired'): string {
  if (hasHolderEnded) return 'ended, its process is gone';
  return state === 'late' ? 'probably ended' : `ended, lock unchanged for ${duration(unchangedForMs)}`;
}

const howToStart = (cloud: StatusView['cloud']): string =>
  cloud === 'local'
    ? 'Start one with "imgcls scale --max 4"; an upload starts its own.'
    : 'Start one with "imgcls scale --max 4", or "imgcls scale --fleet none" if something else starts workers.';

const ago = (ms: number): string => `${duration(Math.max(0, ms))} ago`;

function queueRows(view: StatusView): string[] {
  const { requests, deadLetters, backlogImages } = view;
  const images =
    isUnknown(backlogImages) || backlogImages === 0
      ? ''
      : `, about ${backlogImages} images, ${etaText(view)}`;
  const depth = ({ waiting, inFlight, delayed }: QueueDepth) =>
    `${pluralize(waiting, 'request')} waiting, ${inFlight} in flight${delayed > 0 ? `, ${delayed} delayed` : ''}${images}`;
  return [
    row('backlog', orUnknown(requests, depth)),
    row('dead letters', orUnknown(deadLetters, deadLettersText)),
  ];
}

function etaText({ backlogMs, imagesPerSecond }: StatusView): string {
  if (imagesPerSecond === 0) return 'ETA unknown until the first batch completes';
  return isUnknown(backlogMs) ? `ETA unknown: ${backlogMs.unknown}` : `${duration(backlogMs)} left`;
}

function deadLettersText({ waiting, inFlight, delayed }: QueueDepth): string {
  const count = waiting + inFlight + delayed;
  if (count === 0) return 'none';
  return `${pluralize(count, 'request')} failed too often. A controller records error outcomes for them.`;
}

function costRows({ report }: StatusView): string[] {
  if (isUnknown(report)) return [row('cost', `unknown: ${report.unknown}`)];
  if (report === undefined) return [row('cost', 'unknown: no controller has reported')];
  const { cost, driver } = report;
  if (driver === 'none') return [row('cost', 'unknown: the controller launches no workers')];
  if (cost === undefined) return [row('cost', 'unknown: no machine price (set pricePerHour)')];
  const { unknownSinceMs } = cost;
  const since = new Date(cost.sinceMs).toISOString();
  const now = `${dollars(cost.hourlyUsd)} per hour now`;
  const total = `${dollars(cost.totalUsd)} for machines since ${since}, ${now}`;
  if (unknownSinceMs === undefined) return [row('cost', total)];
  const from = new Date(unknownSinceMs).toISOString();
  return [row('cost', `at least ${total}; a machine without a price (set pricePerHour) since ${from}`)];
}

function fleetRows(view: StatusView, screen: Screen): string[] {
  const { workers, atMs } = view;
  if (isUnknown(workers)) return [row('fleet', `unknown: ${workers.unknown}`)];
  const known = workers.filter((worker): worker is WorkerStatus => !isUnknown(worker));
  const machines = isUnknown(view.report) ? [] : (view.report?.machines ?? []);
  const kinds = new Map(machines.map(({ id, kind }) => [id, kind ?? '']));
  const reporting = new Set(known.map(({ id }) => id));
  // Instances outlive their controller. Workers on one machine end soon after it.
  const isRunning = isCurrent(view) || view.cloud === 'aws';
  const silent = isRunning ? machines.filter(({ id }) => !reporting.has(id)) : [];
  const rate = orUnknown(view.imagesPerSecond, (value) => `${value.toFixed(1)} images/s`);
  const summary = `${pluralize(known.length + silent.length, 'worker')}, ${rate}`;
  const cells = [
    ...known.map((worker) => workerCells(worker, kinds.get(worker.id) ?? '', atMs)),
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
    ...workers.filter(isUnknown).map(({ unknown }) => row('', `cannot read a worker status: ${unknown}`)),
    ...known.flatMap((worker) => problemRows(worker, atMs)),
    ...indented(['worker', 'state', 'images/s', 'images', 'age', 'memory', 'kind'], cells, screen),
  ];
}

/** What a person has to act on, also after the worker's end. */
function problemRows(worker: WorkerStatus, atMs: number): string[] {
  const { state, failure, newerMessages = 0, version, host } = worker;
  const name = `${plainName(worker.id)} on ${plainName(host)}`;
  const since = ago(atMs - worker.updatedAtMs);
  const newer = `${pluralize(newerMessages, 'message')} of a newer format; it knows the format of imgcls ${version}. Update imgcls.`;
  return [
    ...(state === 'failed' ? [row('', `FAILED ${since}: ${name}: ${failure}`)] : []),
    ...(newerMessages > 0 ? [row('', `OUTDATED ${since}: ${name} received ${newer}`)] : []),
  ];
}

function workerCells(worker: WorkerStatus, kind: string, atMs: number): string[] {
  const silentMs = atMs - worker.updatedAtMs;
  const isSilent = !outlivesWorker(worker) && silentMs >= WORKER_GONE_MS;
  return [
    plainName(worker.id),
    isSilent ? `no status for ${duration(silentMs)}, was ${worker.state}` : worker.state,
    isSilent ? '-' : worker.imagesPerSecond.toFixed(1),
    String(worker.imagesDone),
    duration(Math.max(0, atMs - worker.startedAtMs)),
    byteSize(worker.rssBytes),
    kind,
  ];
}

function jobRows({ jobs, jobMs, atMs }: StatusView, screen: Screen): string[] {
  if (isUnknown(jobs)) return [row('jobs', `unknown: ${jobs.unknown}`)];
  const known = jobs.filter((job): job is JobObservation => !isUnknown(job));
  // Only a waiter or a controller writes that a job is finished.
  const unfinished = jobs.filter((job) => isUnknown(job) || job.done !== job.total).length;
  const timeLeft = (id: string) => {
    const ms = isUnknown(jobMs) ? undefined : jobMs[id];
    return ms === undefined ? '-' : duration(ms);
  };
  const haveDeadlines = known.some(({ deadlineMs }) => deadlineMs !== undefined);
  const cells = known.map((job) => {
    const { id, state, interrupted, done, total, deadlineMs } = job;
    return [
      plainName(id),
      state === 'starting'
        ? state
        : stateWord({ id, state, done, total, ...(interrupted && { interrupted }) }),
      `${done} of ${total ?? '?'}`,
      timeLeft(id),
      ...(haveDeadlines ? [deadlineMs === undefined ? '-' : deadlineText(deadlineMs, atMs)] : []),
      costText(job),
    ];
  });
  return [
    row('jobs', unfinished === 0 ? 'none unfinished' : `${unfinished} unfinished`),
    ...jobs.filter(isUnknown).map(({ unknown }) => row('', `cannot read a job: ${unknown}`)),
    ...indented(
      ['job', 'state', 'done', 'left', ...(haveDeadlines ? ['deadline'] : []), 'cost'],
      cells,
      screen,
    ),
  ];
}

const deadlineText = (deadlineMs: number, atMs: number): string =>
  deadlineMs < atMs ? ago(atMs - deadlineMs) : `in ${duration(deadlineMs - atMs)}`;

function costText({ usd, maxCostUsd }: JobObservation): string {
  if (maxCostUsd === undefined)
    return orUnknown(usd, (value) => (value === undefined ? '-' : dollars(value)));
  return `${orUnknown(usd, (value = 0) => dollars(value))} of ${dollars(maxCostUsd)}`;
}

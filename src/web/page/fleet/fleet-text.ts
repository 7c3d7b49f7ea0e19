/** The texts of the fleet view. Pure. */
import { dollars } from '../../../core/money/money.ts';
import { isUnknown, type Unknown } from '../../../core/runtime/unknown.ts';
import { binaryByteSize } from '../../../core/text/byte-size.ts';
import { duration } from '../../../core/text/duration.ts';
import type { StatusBody } from '../../api.ts';
import { counted, number, rate } from '../format.ts';

export interface Figure {
  name: string;
  /** Undefined if it is unknown. */
  value: string | undefined;
  note: string;
}

type Workers = Exclude<StatusBody['workers'], Unknown>;
export type Worker = Workers[number];

const figure = <T>(
  name: string,
  value: T,
  toText: (known: Exclude<T, Unknown>) => { value: string; note: string },
): Figure =>
  isUnknown(value)
    ? { name, value: undefined, note: value.unknown }
    : { name, ...toText(value as Exclude<T, Unknown>) };

type Depth = Exclude<StatusBody['requests'], Unknown>;
const messagesOf = ({ waiting, inFlight, delayed }: Depth): number => waiting + inFlight + delayed;

/** The figures at the top of the view, most important first. Those that say nothing are left out. */
export function figuresOf(status: StatusBody): Figure[] {
  const figures = [
    figure('Photos waiting', status.backlogImages, (images) => ({
      value: number(Math.round(images)),
      note: waitingText(images, status),
    })),
    figure('Workers', status.workers, (workers) => ({
      value: number(workers.filter(({ phase }) => phase !== 'stopped').length),
      note: phaseText(workers),
    })),
    figure('Speed', status.imagesPerSecond, (perSecond) => ({
      value: perSecond === 0 ? '0' : rate(perSecond),
      note: 'photos per second',
    })),
  ];
  const { deadLetters } = status;
  if (isUnknown(deadLetters) || messagesOf(deadLetters) > 0)
    figures.push(
      figure('Failed batches', deadLetters, (depth) => ({
        value: number(messagesOf(depth)),
        note: 'failed repeatedly; see "imgcls dlq"',
      })),
    );
  const { hourlyUsd = 0, totalUsd = 0, unknownSinceMs } = status.controller ?? {};
  const least = unknownSinceMs === undefined ? '' : 'at least ';
  if (hourlyUsd > 0 || totalUsd > 0)
    figures.push({
      name: 'Cost',
      value: `${dollars(hourlyUsd)}/h`,
      note: `${least}${dollars(totalUsd)} in total`,
    });
  return figures;
}

const batchesText = (count: number): string => `${number(count)} ${count === 1 ? 'batch' : 'batches'}`;

function waitingText(images: number, { backlogMs, requests }: StatusBody): string {
  if (images === 0) return 'nothing to do';
  const batches = isUnknown(requests) ? '' : `in about ${batchesText(messagesOf(requests))}`;
  const time = isUnknown(backlogMs) ? 'time left unknown until one is done' : `${duration(backlogMs)} left`;
  return [batches, time].filter((part) => part !== '').join('; ');
}

export function phaseText(workers: Workers): string {
  const phases = ['busy', 'idle', 'booting', 'draining'] as const;
  const counts = phases
    .map((phase) => ({ phase, count: workers.filter((worker) => worker.phase === phase).length }))
    .filter(({ count }) => count > 0);
  return (
    counts.map(({ phase, count }) => `${number(count)} ${phaseWord(phase)}`).join(', ') || 'none running'
  );
}

/** `booting` is "starting", `draining` is "stopping". */
export const phaseWord = (phase: Worker['phase']): string =>
  ({ busy: 'busy', idle: 'idle', booting: 'starting', draining: 'stopping', stopped: 'stopped' })[phase];

export interface ControllerText {
  title: string;
  text: string;
  isAlive: boolean;
}

/** What the fleet does and why; without a controller, how to start one. */
export function controllerText({ controller, requests, workers }: StatusBody): ControllerText {
  const howToStart = 'Start one with "imgcls scale --max 4".';
  if (controller === undefined)
    return {
      title: 'No controller',
      text: `Workers are not started or stopped automatically. ${howToStart}`,
      isAlive: false,
    };
  const { isAlive, reason, policy, min, max, target } = controller;
  const why = sentence(reason);
  if (!isAlive)
    return {
      title: 'Controller not running',
      text: `${howToStart} Its last decision: ${why}`,
      isAlive: false,
    };
  if (policy === 'none') return { title: 'Maintenance only', text: why, isAlive: true };
  const hasWork = isUnknown(requests) || messagesOf(requests) > 0;
  const hasBusy = isUnknown(workers) || workers.some(({ phase }) => phase === 'busy');
  const now = hasWork || hasBusy ? `${counted(target, 'worker')} wanted` : 'Idle';
  const range =
    min === max
      ? `Always ${counted(max, 'worker')}`
      : `Scales from ${number(min)} to ${counted(max, 'worker')}`;
  return { title: `${now}. ${range}.`, text: why, isAlive: true };
}

/** The parts of a reason as sentences. */
const sentence = (reason: string): string =>
  reason
    .split('; ')
    .map((part) => `${part.charAt(0).toUpperCase()}${part.slice(1)}.`)
    .join(' ');

/** The cells of a worker's row, after its id. */
export function workerCells(worker: Worker, nowMs: number): string[] {
  const { phase, host, sinceMs, imagesDone, imagesPerSecond, rssBytes } = worker;
  return [
    phaseWord(phase),
    host ?? '–',
    duration(Math.max(0, nowMs - sinceMs)),
    imagesDone === undefined ? '–' : number(imagesDone),
    imagesPerSecond === undefined ? '–' : rate(imagesPerSecond),
    rssBytes === undefined ? '–' : binaryByteSize(rssBytes),
  ];
}

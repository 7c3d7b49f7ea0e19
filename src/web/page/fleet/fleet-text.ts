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

/** The figures at the top of the view, most important first. */
export function figuresOf(status: StatusBody): Figure[] {
  const figures = [
    figure('Messages', status.requests, (depth) => ({
      value: number(messagesOf(depth)),
      note: depthText(depth),
    })),
    figure('Workers', status.workers, (workers) => ({
      value: number(workers.filter(({ phase }) => phase !== 'stopped').length),
      note: phaseText(workers),
    })),
    figure('Throughput', status.imagesPerSecond, (perSecond) => ({
      value: rate(perSecond),
      note: 'images/s',
    })),
    figure('Backlog', status.backlogImages, (images) => ({
      value: number(Math.round(images)),
      note: isUnknown(status.backlogMs)
        ? `images; ETA unknown: ${status.backlogMs.unknown}`
        : `images${status.backlogMs > 0 ? `, ${duration(status.backlogMs)} of work` : ''}`,
    })),
    figure('Dead letters', status.deadLetters, (depth) => ({
      value: number(messagesOf(depth)),
      note: 'batches that failed repeatedly',
    })),
  ];
  const { hourlyUsd, totalUsd, unknownSinceMs } = status.controller ?? {};
  const least = unknownSinceMs === undefined ? '' : 'at least ';
  if (hourlyUsd !== undefined)
    figures.push({
      name: 'Cost',
      value: `${dollars(hourlyUsd)}/h`,
      note: totalUsd === undefined ? 'now' : `${least}${dollars(totalUsd)} in total`,
    });
  return figures;
}

function depthText({ waiting, inFlight, delayed }: Depth): string {
  const text = `${number(waiting)} waiting, ${number(inFlight)} in progress`;
  return delayed > 0 ? `${text}, ${number(delayed)} delayed` : text;
}

export function phaseText(workers: Workers): string {
  const phases = ['busy', 'idle', 'booting', 'draining'] as const;
  const counts = phases
    .map((phase) => ({ phase, count: workers.filter((worker) => worker.phase === phase).length }))
    .filter(({ count }) => count > 0);
  return counts.map(({ phase, count }) => `${number(count)} ${phase}`).join(', ') || 'none running';
}

export interface ControllerText {
  title: string;
  text: string;
  isAlive: boolean;
}

/** Why the fleet has its size; without a controller, how to start one. */
export function controllerText({ controller, requests }: StatusBody): ControllerText {
  const howToStart = 'Start one with "imgcls scale --max 4".';
  if (controller === undefined)
    return {
      title: 'No controller',
      text: `Workers are not started or stopped automatically. ${howToStart}`,
      isAlive: false,
    };
  const { isAlive, reason, policy, min, max, target } = controller;
  if (!isAlive)
    return {
      title: 'Controller not running',
      text: `${howToStart} Last decision: ${reason}`,
      isAlive: false,
    };
  if (policy === 'none') return { title: 'Maintenance only', text: reason, isAlive: true };
  const isIdle = target <= min && !isUnknown(requests) && messagesOf(requests) === 0;
  const goal = isIdle ? 'Idle' : `Target: ${counted(target, 'worker')}`;
  return {
    title: `${goal}. Scales from ${number(min)} to ${counted(max, 'worker')}.`,
    text: `Policy ${policy}: ${reason}`,
    isAlive: true,
  };
}

/** The cells of a worker's row, after its id. */
export function workerCells(worker: Worker, nowMs: number): string[] {
  const { phase, host, sinceMs, imagesDone, imagesPerSecond, rssBytes } = worker;
  return [
    phase,
    host ?? '–',
    duration(Math.max(0, nowMs - sinceMs)),
    imagesDone === undefined ? '–' : number(imagesDone),
    imagesPerSecond === undefined ? '–' : rate(imagesPerSecond),
    rssBytes === undefined ? '–' : binaryByteSize(rssBytes),
  ];
}

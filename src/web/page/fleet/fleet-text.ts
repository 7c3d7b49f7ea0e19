/** What the page says of the fleet, in words. Pure. */

import { dollars } from '../../../core/money/money.ts';
import { binaryByteSize } from '../../../core/text/byte-size.ts';
import { duration } from '../../../core/text/duration.ts';
import type { StatusBody } from '../../api.ts';
import { counted, number, rate } from '../format.ts';
import { isUnknown } from './series.ts';

export interface Figure {
  name: string;
  /** Absent where it could not be read. */
  value: string | undefined;
  note: string;
}

type Workers = Exclude<StatusBody['workers'], { unknown: string }>;
export type Worker = Workers[number];

const figure = <T>(
  name: string,
  value: T | { unknown: string },
  text: (known: T) => { value: string; note: string },
): Figure =>
  isUnknown(value) ? { name, value: undefined, note: value.unknown } : { name, ...text(value as T) };

/** The figures on top, most telling first. */
export function figuresOf(status: StatusBody): Figure[] {
  const figures = [
    figure('Queue', status.requests, ({ waiting, inFlight, delayed }) => ({
      value: number(waiting + inFlight + delayed),
      note: `messages: ${number(waiting)} waiting, ${number(inFlight)} in work${delayed > 0 ? `, ${number(delayed)} delayed` : ''}`,
    })),
    figure('Workers', status.workers, (workers) => ({
      value: number(workers.filter(({ phase }) => phase !== 'stopped').length),
      note: phaseWords(workers),
    })),
    figure('Throughput', status.imagesPerSecond, (perSecond) => ({
      value: rate(perSecond),
      note: 'images/s',
    })),
    figure('Backlog', status.backlogImages, (images) => ({
      value: number(Math.round(images)),
      note: isUnknown(status.backlogMs)
        ? `images; time left could not be read: ${status.backlogMs.unknown}`
        : `images${status.backlogMs > 0 ? `, ${duration(status.backlogMs)} of work` : ''}`,
    })),
    figure('Dead letters', status.deadLetters, ({ waiting, inFlight, delayed }) => ({
      value: number(waiting + inFlight + delayed),
      note: 'batches that nobody could finish',
    })),
  ];
  const { hourlyUsd, totalUsd } = status.controller ?? {};
  if (hourlyUsd !== undefined)
    figures.push({
      name: 'Cost',
      value: `${dollars(hourlyUsd)}/h`,
      note: totalUsd === undefined ? 'now' : `${dollars(totalUsd)} in all`,
    });
  return figures;
}

export function phaseWords(workers: Workers): string {
  const phases = ['busy', 'idle', 'booting', 'draining'] as const;
  const counts = phases
    .map((phase) => ({ phase, count: workers.filter((worker) => worker.phase === phase).length }))
    .filter(({ count }) => count > 0);
  return counts.map(({ phase, count }) => `${number(count)} ${phase}`).join(', ') || 'none runs';
}

export interface ControllerWords {
  title: string;
  text: string;
  isQuiet: boolean;
}

/** Why the fleet is the size it is, or that nobody looks after it and what to do. */
export function controllerWords({ controller }: StatusBody): ControllerWords {
  const how = 'Start one with "imgcls scale --max 4".';
  if (controller === undefined)
    return { title: 'No controller', text: `Nobody starts or ends workers here. ${how}`, isQuiet: false };
  const { isAlive, reason, policy, min, max, target } = controller;
  if (!isAlive)
    return {
      title: 'No controller at the moment',
      text: `${how} The last one said: ${reason}`,
      isQuiet: false,
    };
  return {
    title: `${counted(target, 'worker')} wanted, of ${number(min)} to ${number(max)}`,
    text: `${reason} (policy ${policy})`,
    isQuiet: true,
  };
}

/** A worker as the cells of its row. */
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

/** How work may recur: at its usual pause, or at the same time of the hour, of the day or of the week. Pure. */

import { duration } from '../../core/text/duration.ts';
import { quantile } from '../policy/pauses.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const WEEK_MS = 7 * DAY_MS;
/** The last pauses, of which the median is the usual one. */
const COMPARED_PAUSES = 10;

export interface Rhythm {
  words(atMs: number): string;
  periodMs: number;
  /** The same time one step later (1) or earlier (-1). */
  step(atMs: number, direction: 1 | -1): number;
  /** The next time counts from the last arrival, wherever in the hour it was. */
  isRelative: boolean;
}

const hourly: Rhythm = {
  words: () => 'every hour',
  periodMs: HOUR_MS,
  step: (atMs, direction) => atMs + direction * HOUR_MS,
  isRelative: false,
};

/** Working days and weekends differ, so a day is compared with others of its kind. */
const daily: Rhythm = {
  words: (atMs) => (isWeekend(atMs) ? 'at this time of a weekend day' : 'at this time of a working day'),
  periodMs: DAY_MS,
  step(atMs, direction) {
    let dayMs = atMs;
    do dayMs += direction * DAY_MS;
    while (isWeekend(dayMs) !== isWeekend(atMs));
    return dayMs;
  },
  isRelative: false,
};

const weekly: Rhythm = {
  words: () => 'at this time of the week',
  periodMs: WEEK_MS,
  step: (atMs, direction) => atMs + direction * WEEK_MS,
  isRelative: false,
};

/** Saturday or Sunday, UTC. Day 0 of the clock was a Thursday. */
const isWeekend = (atMs: number): boolean => [2, 3].includes(Math.floor(atMs / DAY_MS) % 7);

const calendar: readonly Rhythm[] = [hourly, daily, weekly];

/**
 * From the general to the special. A usual pause of an hour, a day or a week is that of the calendar.
 * @param times the latest last. @param toleranceMs see isPartOf.
 */
export function rhythmsOf(times: readonly number[], toleranceMs: number): readonly Rhythm[] {
  const recent = times.slice(-COMPARED_PAUSES - 1);
  const pausesMs = recent.slice(1).map((atMs, at) => atMs - (recent[at] ?? atMs));
  const usualMs = quantile(pausesMs, 0.5);
  if (usualMs === undefined || calendar.some(({ periodMs }) => Math.abs(periodMs - usualMs) <= toleranceMs))
    return calendar;
  const usual: Rhythm = {
    words: () => `every ${duration(usualMs)}`,
    periodMs: usualMs,
    step: (atMs, direction) => atMs + direction * usualMs,
    isRelative: true,
  };
  return [usual, ...calendar];
}

/** Whether each time of the special rhythm is one of the general rhythm. @param toleranceMs for one step of the special one. */
export function isPartOf(general: Rhythm, special: Rhythm, toleranceMs: number): boolean {
  const repeats = Math.round(special.periodMs / general.periodMs);
  return Math.abs(special.periodMs - repeats * general.periodMs) <= toleranceMs;
}

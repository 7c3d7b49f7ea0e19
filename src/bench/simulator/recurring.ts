/** Work that recurs, for the forecast: 24 kinds with a schedule, by chance only in its details. Pure. */
import { Random } from '../random.ts';
import type { Arrival, Trace } from './traces.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** An arrival every so often in a day of the schedule, from one hour to another. */
interface Schedule {
  days: number;
  everyMs: number;
  fromHour?: number;
  untilHour?: number;
  /** Days since a Monday. */
  on?(day: number): boolean;
  /** Mean of an exponential delay. */
  lateMs?: number;
  /** Largest difference to either side. */
  jitterMs?: number;
  /** Pauses count from the last arrival, so that the jitters add up. */
  drifts?: true;
  missingShare?: number;
  images?: number;
  /** Of a lognormal size. */
  sigma?: number;
}

const isWorkingDay = (day: number): boolean => day % 7 < 5;

const kinds: Readonly<Record<string, readonly Schedule[]>> = {
  'every-5-min': [{ days: 0.5, everyMs: 5 * MINUTE }],
  'every-10-min': [{ days: 1, everyMs: 10 * MINUTE }],
  'every-15-min': [{ days: 1, everyMs: 15 * MINUTE, lateMs: 3 * SECOND }],
  'every-30-min': [{ days: 1, everyMs: 30 * MINUTE, lateMs: 3 * SECOND }],
  hourly: [{ days: 2, everyMs: HOUR }],
  'every-2-hours': [{ days: 4, everyMs: 2 * HOUR, lateMs: 3 * SECOND }],
  'every-899-s': [{ days: 1, everyMs: 899 * SECOND }],
  'every-37-min-drifting': [{ days: 2, everyMs: 37 * MINUTE, jitterMs: 10 * SECOND, drifts: true }],
  'hourly-jitter-20-s': [{ days: 3, everyMs: HOUR, jitterMs: 20 * SECOND }],
  'hourly-jitter-60-s': [{ days: 3, everyMs: HOUR, jitterMs: 60 * SECOND }],
  'hourly-late': [{ days: 3, everyMs: HOUR, lateMs: 10 * SECOND }],
  'hourly-some-missing': [{ days: 3, everyMs: HOUR, missingShare: 0.05 }],
  'every-15-min-some-missing': [{ days: 1, everyMs: 15 * MINUTE, missingShare: 0.05 }],
  'hourly-many-missing': [{ days: 3, everyMs: HOUR, missingShare: 0.15 }],
  'hourly-several-sizes': [{ days: 3, everyMs: HOUR, sigma: 1 }],
  'hourly-large': [{ days: 2, everyMs: HOUR, images: 10_000, sigma: 0.2 }],
  'office-hours': [
    { days: 14, everyMs: HOUR, fromHour: 8, untilHour: 18, on: isWorkingDay, lateMs: 3 * SECOND },
  ],
  daily: [{ days: 30, everyMs: DAY, fromHour: 6, lateMs: 5 * SECOND }],
  'daily-jitter-30-s': [{ days: 30, everyMs: DAY, fromHour: 6, jitterMs: 30 * SECOND }],
  'working-days': [{ days: 42, everyMs: DAY, fromHour: 9, on: isWorkingDay }],
  'two-a-day': [
    { days: 21, everyMs: DAY, fromHour: 7 },
    { days: 21, everyMs: DAY, fromHour: 19.5, images: 1200 },
  ],
  weekly: [{ days: 180, everyMs: DAY, fromHour: 3, on: (day) => day % 7 === 0 }],
  'three-a-week': [{ days: 70, everyMs: DAY, fromHour: 12, on: (day) => [0, 2, 4].includes(day % 7) }],
  'nightly-and-every-30-min': [
    { days: 7, everyMs: 30 * MINUTE, fromHour: 8, untilHour: 18 },
    { days: 7, everyMs: DAY, fromHour: 2.25, images: 4000 },
  ],
};

/** Day 0 of the clock was a Thursday. */
const MONDAY_MS = 4 * DAY;
const USUAL_IMAGES = 600;

function arrivalsOf(schedule: Schedule, random: Random): Arrival[] {
  const { days, everyMs, fromHour = 0, untilHour = 24, on = () => true } = schedule;
  const { lateMs = 0, jitterMs = 0, missingShare = 0, images = USUAL_IMAGES, sigma = 0.1 } = schedule;
  const arrivals: Arrival[] = [];
  let driftMs = 0;
  for (let day = 0; day < days; day++) {
    const endMs = Math.min(untilHour * HOUR, (days - day) * DAY);
    for (let timeMs = fromHour * HOUR; on(day) && timeMs < endMs; timeMs += everyMs) {
      const jitter = jitterMs * (2 * random.next() - 1);
      if (schedule.drifts) driftMs += jitter;
      const atMs =
        MONDAY_MS + day * DAY + timeMs + random.exponential(lateMs) + (schedule.drifts ? driftMs : jitter);
      const size = Math.max(1, Math.round(random.lognormal(images, sigma)));
      if (random.next() >= missingShare) arrivals.push({ atMs: Math.round(atMs), images: size });
    }
  }
  return arrivals;
}

/** One trace of each kind, the first with this seed, the next with the next one. */
export const recurringTraces = (firstSeed: number): Trace[] =>
  Object.entries(kinds).map(([kind, schedules], at) => {
    const random = new Random(firstSeed + at);
    const arrivals = schedules.flatMap((schedule) => arrivalsOf(schedule, random));
    return {
      name: kind,
      what: `work that recurs: ${kind}`,
      arrivals: arrivals.sort((a, b) => a.atMs - b.atMs),
    };
  });

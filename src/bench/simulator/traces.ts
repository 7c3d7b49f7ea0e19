/** The work of a simulation: times and numbers of submitted images. Pure. Random traces have a fixed seed. */
import { Random } from '../random.ts';

export interface Arrival {
  atMs: number;
  images: number;
  /** What an image costs, in images of the usual cost (default 1). */
  costFactor?: number;
  /** When the job should be done, from its arrival on (`--by`). */
  dueInMs?: number;
  /** What the fleet may cost for it (`--max-cost`). */
  maxCostUsd?: number;
}

export interface Trace {
  name: string;
  what: string;
  /** By time. */
  arrivals: readonly Arrival[];
  /** Of the machines that do the work, if it is not the usual. */
  bootMs?: number;
}

const SECOND = 1000;
const HOUR = 3_600_000;
/** Arrivals are between two ticks of the controller. */
const OFFSET_MS = 2500;
const SEED = 2305;

const once = (images: number): Arrival[] => [{ atMs: OFFSET_MS, images }];

const makers: Readonly<Record<string, { what: string; make(): Arrival[] }>> = {
  'seed-20': { what: '20 images at once, as published for the baseline', make: () => once(20) },
  'seed-30': { what: '30 images at once', make: () => once(30) },
  'seed-40': { what: '40 images at once', make: () => once(40) },
  'seed-60': { what: '60 images at once', make: () => once(60) },
  burst: { what: '20,000 images at once', make: () => once(20_000) },
  'office-day': { what: '24 h, jobs of some hundred images, most of them in office hours', make: officeDay },
  'flash-crowd': { what: '1 h of 10 images/s, with 5 min of 500 images/s', make: flashCrowd },
  trickle: { what: '4 h of single images, one a minute on average', make: trickle },
  million: { what: '1,000,000 images at once', make: () => once(1_000_000) },
};

export const traceNames: readonly string[] = Object.keys(makers);

/** Undefined if there is no trace of that name. */
export function namedTrace(name: string): Trace | undefined {
  const maker = Object.hasOwn(makers, name) ? makers[name] : undefined;
  return maker && { name, what: maker.what, arrivals: maker.make() };
}

/** Random jobs: 2 an hour at night, 40 an hour at noon. Most have hundreds of images, some ten thousand. */
function officeDay(): Arrival[] {
  const random = new Random(SEED);
  const arrivals: Arrival[] = [];
  for (let atMs = OFFSET_MS; atMs < 24 * HOUR; ) {
    const images = Math.min(20_000, Math.ceil(random.lognormal(400, 1.3)));
    arrivals.push({ atMs: Math.round(atMs), images });
    const hour = atMs / HOUR;
    const isOfficeHour = hour > 8 && hour < 18;
    const jobsPerHour = 2 + (isOfficeHour ? 38 * Math.sin((Math.PI * (hour - 8)) / 10) : 0);
    atMs += random.exponential(HOUR / jobsPerHour);
  }
  return arrivals;
}

function flashCrowd(): Arrival[] {
  const everyMs = 15 * SECOND;
  return Array.from({ length: HOUR / everyMs }, (_, at) => {
    const atMs = OFFSET_MS + at * everyMs;
    const isCrowd = atMs >= 1200 * SECOND && atMs < 1500 * SECOND;
    return { atMs, images: isCrowd ? 7500 : 150 };
  });
}

function trickle(): Arrival[] {
  const random = new Random(SEED);
  const arrivals: Arrival[] = [];
  for (let atMs = OFFSET_MS; atMs < 4 * HOUR; atMs += random.exponential(60 * SECOND))
    arrivals.push({ atMs: Math.round(atMs), images: 1 });
  return arrivals;
}

/** Random traces by kind, for work that the policy was not tuned on. The same seed gives the same trace. Pure. */
import { Random } from '../random.ts';
import type { Arrival, Trace } from './traces.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** The bound on the drain takes long for more. */
const MAX_ARRIVALS = 100;
const MAX_IMAGES = 100_000;

type Generate = (random: Random) => Arrival[];

/** Log-uniform. */
const between = (random: Random, least: number, most: number): number =>
  least * (most / least) ** random.next();

const sizeOf = (random: Random, median: number, sigma = 1): number =>
  Math.max(1, Math.min(MAX_IMAGES, Math.round(random.lognormal(median, sigma))));

/** Arrivals with these pauses until this time. */
function series(untilMs: number, next: (atMs: number) => { pauseMs: number; images: number }): Arrival[] {
  const arrivals: Arrival[] = [];
  for (let atMs = 0; ; ) {
    const { pauseMs, images } = next(atMs);
    atMs += pauseMs;
    if (atMs > untilMs || arrivals.length === MAX_ARRIVALS) return arrivals;
    arrivals.push({ atMs, images });
  }
}

const poisson =
  (leastPauseMs: number, mostPauseMs: number, size: (random: Random) => number): Generate =>
  (random) => {
    const pauseMs = between(random, leastPauseMs, mostPauseMs);
    return series(4 * HOUR, () => ({ pauseMs: random.exponential(pauseMs), images: size(random) }));
  };

function cron(random: Random): Arrival[] {
  const everyMs = [5, 10, 15, 30, 60][random.below(5)] ?? 60;
  const images = sizeOf(random, 1500);
  return series(6 * HOUR, (atMs) => ({
    pauseMs: Math.max(1, everyMs * MINUTE - (atMs % MINUTE) + random.exponential(3000)),
    images: Math.max(1, Math.round(random.lognormal(images, 0.1))),
  }));
}

/** A day of which most jobs are in its middle. */
function diurnal(random: Random): Arrival[] {
  const median = between(random, 100, 1500);
  const most = between(random, 10, 30);
  return series(24 * HOUR, (atMs) => {
    const perHour = 1 + most * Math.max(0, Math.sin((Math.PI * (atMs / HOUR - 7)) / 12));
    return { pauseMs: random.exponential(HOUR / perHour), images: sizeOf(random, median, 1.2) };
  });
}

function flash(random: Random): Arrival[] {
  const pauseMs = between(random, 15_000, 40_000);
  const images = between(random, 20, 300);
  const times = between(random, 10, 60);
  const fromMs = HOUR * (0.2 + 0.5 * random.next());
  return series(HOUR, (atMs) => {
    const isCrowd = atMs >= fromMs && atMs < fromMs + 5 * MINUTE;
    return { pauseMs, images: Math.max(1, Math.round(images * (isCrowd ? times : 1))) };
  });
}

/** Pauses and sizes with heavy tails. */
function pareto(random: Random): Arrival[] {
  const shape = 1.1 + random.next();
  const pauseMs = between(random, 10_000, 120_000);
  const heavy = (least: number) => least * (1 - random.next()) ** (-1 / shape);
  return series(8 * HOUR, () => ({
    pauseMs: Math.min(HOUR, heavy(pauseMs)),
    images: Math.min(MAX_IMAGES, Math.round(heavy(100))),
  }));
}

/** A load that grows from nothing to some machines, and falls again. */
function ramp(random: Random): Arrival[] {
  const pauseMs = between(random, 20_000, 40_000);
  const mostImages = between(random, 500, 12_000);
  return series(HOUR, (atMs) => {
    const share = 1 - Math.abs(1 - (2 * atMs) / HOUR);
    return { pauseMs, images: Math.max(1, Math.round(random.lognormal(mostImages * share + 1, 0.1))) };
  });
}

const merge = (...parts: readonly Arrival[][]): Arrival[] =>
  parts
    .flat()
    .sort((a, b) => a.atMs - b.atMs)
    .slice(0, MAX_ARRIVALS);

const tenants: Generate = (random) =>
  merge(
    ...Array.from({ length: 3 + random.below(5) }, () => {
      const median = between(random, 20, 3000);
      return poisson(2 * MINUTE, 30 * MINUTE, () => sizeOf(random, median))(random);
    }),
  );

const bursts =
  (most: number): Generate =>
  (random) =>
    Array.from({ length: 1 + random.below(most) }, () => ({
      atMs: random.next() * 3 * HOUR,
      images: Math.round(between(random, 500, MAX_IMAGES)),
    })).sort((a, b) => a.atMs - b.atMs);

const trickle = poisson(20_000, 200_000, () => 1);

const kinds: Readonly<Record<string, Generate>> = {
  burst: bursts(3),
  cron,
  diurnal,
  flash,
  pareto,
  poisson: poisson(20_000, 10 * MINUTE, (random) => sizeOf(random, 400)),
  ramp,
  tenants,
  trickle,
  'trickle-burst': (random) => merge(trickle(random).slice(0, MAX_ARRIVALS - 5), bursts(5)(random)),
  costs: (random) =>
    poisson(MINUTE, 10 * MINUTE, (each) => sizeOf(each, 1000))(random).map((arrival) => ({
      ...arrival,
      costFactor: between(random, 1, 50),
    })),
};

/** @param seed also chooses the boot time, from 20 to 180 s. */
function generateTrace(kind: string, generate: Generate, seed: number): Trace {
  const random = new Random(seed);
  const bootMs = Math.round(between(random, 20_000, 180_000));
  const arrivals = generate(random).map((arrival) => ({ ...arrival, atMs: Math.round(arrival.atMs) + 1 }));
  const first = { atMs: 1, images: 1 };
  return {
    name: `${kind}-${seed}`,
    what: `work of the kind ${kind}, by chance`,
    bootMs,
    arrivals: arrivals.length > 0 ? arrivals : [first],
  };
}

const kindsInTurn = Object.entries(kinds);

/** Traces of each kind in turn, the first with this seed, the next with the next one. */
export const generateTraces = (firstSeed: number, count = kindsInTurn.length): Trace[] =>
  Array.from({ length: count }, (_, at) => {
    const [kind, generate] = kindsInTurn[at % kindsInTurn.length] as (typeof kindsInTurn)[number];
    return generateTrace(kind, generate, firstSeed + at);
  });

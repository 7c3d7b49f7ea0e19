/**
 * The least time with unfinished work that any schedule could have had, had all been known before and for the same
 * money: a lower bound, by Lagrangian relaxation. For any price of machine time,
 *
 *     drain >= min over schedules of (drain + price x cost) - price x money
 *
 * The minimum is found exactly for a relaxed world (see cost-bound.ts for what is given away): arrivals are cut into busy
 * periods, and machines may be kept from one to the next. The best price gives the best bound; any gives a valid one.
 */
import type { MachineFacts } from './cost-bound.ts';
import type { Arrival } from './traces.ts';

/** Prices tried around the best one so far, each time closer. */
const STEPS = 14;
const LEAST_PRICE = 1e-4;
const MOST_PRICE = 10;
/** Machines kept over a pause. */
const MOST_KEPT = 32;
/** The time that it takes grows with the square of the arrivals. */
const MOST_ARRIVALS = 1000;

/**
 * @param machineMs what may be spent.
 * @returns milliseconds; 0 where nothing can be said: too many arrivals, or money for any number of machines.
 */
export function leastDrainMs(arrivals: readonly Arrival[], machineMs: number, facts: MachineFacts): number {
  if (arrivals.length > MOST_ARRIVALS) return 0;
  const works = arrivals.map(({ atMs, images }) => ({
    atMs,
    workMs: (1000 * images) / facts.imagesPerSecond,
  }));
  const boundAt = (logPrice: number) => {
    const price = Math.exp(logPrice);
    return leastTotal(works, price, facts) - price * machineMs;
  };
  // The bound is concave in the price: a golden-section search finds its top.
  const ratio = (Math.sqrt(5) - 1) / 2;
  let [low, high] = [Math.log(LEAST_PRICE), Math.log(MOST_PRICE)];
  let [left, right] = [high - ratio * (high - low), low + ratio * (high - low)];
  let [atLeft, atRight] = [boundAt(left), boundAt(right)];
  for (let step = 0; step < STEPS; step++) {
    if (atLeft > atRight) {
      [high, right, atRight] = [right, left, atLeft];
      left = high - ratio * (high - low);
      atLeft = boundAt(left);
    } else {
      [low, left, atLeft] = [left, right, atRight];
      right = low + ratio * (high - low);
      atRight = boundAt(right);
    }
  }
  return Math.max(0, atLeft, atRight);
}

interface Work {
  atMs: number;
  /** Of one machine. */
  workMs: number;
}

/**
 * The least of drain + price x machine time, over all ways to cut the arrivals into busy periods. Where the best way
 * keeps fewer machines than were allowed, allowing more is taken to change nothing.
 */
function leastTotal(works: readonly Work[], price: number, facts: MachineFacts): number {
  for (let most = 8; most <= MOST_KEPT; most *= 2) {
    const { total, isAtLimit } = leastTotalWith(works, price, facts, most);
    if (!isAtLimit) return total;
  }
  // Machines so cheap that any number would be kept: this price says nothing.
  return Number.NEGATIVE_INFINITY;
}

interface Best {
  total: number;
  /** The most machines that were ever kept on the way here. */
  mostKept: number;
}

/** The same with at most so many machines kept over a pause. */
function leastTotalWith(works: readonly Work[], price: number, facts: MachineFacts, most: number) {
  const unreached = { total: Number.POSITIVE_INFINITY, mostKept: 0 };
  const start = [{ total: 0, mostKept: 0 }, ...Array.from({ length: most }, () => unreached)];
  // By the number of arrivals that are done, then by the machines kept.
  const best: Best[][] = [start];
  for (let end = 1; end <= works.length; end++) {
    const reached: Best[] = Array.from({ length: most + 1 }, () => unreached);
    let workMs = 0;
    for (let begin = end - 1; begin >= 0; begin--) {
      const first = works[begin] as Work;
      workMs += first.workMs;
      const leastMs = (works[end - 1] as Work).atMs - first.atMs;
      const untilMs = (works[end]?.atMs ?? Number.POSITIVE_INFINITY) - first.atMs;
      extend(reached, best[begin] ?? [], { workMs, leastMs, untilMs, price, facts });
    }
    best.push(reached);
  }
  const { total, mostKept } = best.at(-1)?.[0] ?? unreached;
  return { total, isAtLimit: mostKept === most };
}

interface Stretch {
  workMs: number;
  /** A busy period lasts until its last arrival at least, and until the next one at most. */
  leastMs: number;
  untilMs: number;
  price: number;
  facts: MachineFacts;
}

function extend(reached: Best[], from: readonly Best[], stretch: Stretch): void {
  const mostKept = stretch.untilMs === Number.POSITIVE_INFINITY ? 0 : reached.length - 1;
  const floors = Array.from({ length: mostKept + 1 }, (_, kept) => floorOf(stretch, kept));
  const isWorse = (total: number) =>
    floors.every((floor, kept) => total + floor >= (reached[kept]?.total ?? 0));
  if (isWorse(from.reduce((least, { total }) => Math.min(least, total), Number.POSITIVE_INFINITY))) return;
  for (const [brought, before] of from.entries()) {
    if (isWorse(before.total)) continue;
    const floorBrought = floorWith(stretch, brought);
    for (const [kept, floor] of floors.entries()) {
      if (before.total + Math.max(floor, floorBrought) >= (reached[kept]?.total ?? 0)) continue;
      const total = before.total + stretchTotal(stretch, brought, kept);
      if (total < (reached[kept]?.total ?? 0))
        reached[kept] = { total, mostKept: Math.max(before.mostKept, kept) };
    }
  }
}

/** It costs no less than this, whatever was brought and is launched: cheap to tell. */
function floorOf({ workMs, leastMs, untilMs, price, facts }: Stretch, kept: number): number {
  const paused = kept === 0 ? 0 : price * kept * Math.max(0, untilMs - leastMs - facts.bootMs);
  return price * workMs + Math.min(leastMs + paused, untilMs);
}

/** Nor less than this, whatever is kept: the best number of launches, were it no whole one. */
function floorWith({ workMs, price, facts: { bootMs } }: Stretch, brought: number): number {
  const afterBootMs = workMs - brought * bootMs;
  if (afterBootMs <= 0) return workMs / brought + price * workMs;
  const working = Math.max(brought, Math.sqrt(afterBootMs / (price * bootMs)));
  const launched = working - brought;
  return (workMs + launched * bootMs) / working + price * (launched * bootMs + workMs);
}

/** The least of one busy period and the pause after it, over how many machines are launched and how long it lasts. */
function stretchTotal(stretch: Stretch, brought: number, kept: number): number {
  const { workMs, leastMs, untilMs, price, facts } = stretch;
  const { bootMs } = facts;
  // More launches than these shorten the period by less than they cost.
  const afterBootMs = Math.max(0, workMs - brought * bootMs);
  const worthwhile = Math.ceil(Math.sqrt(afterBootMs / (price * bootMs))) - brought;
  const fewest = Math.max(0, kept - brought, fewestInTime(stretch, brought));
  if (fewest === Number.POSITIVE_INFINITY) return fewest;
  let least = Number.POSITIVE_INFINITY;
  for (let launched = fewest; launched <= Math.max(fewest, worthwhile, kept); launched++) {
    const shortest = Math.max(leastMs, doneAfterMs(workMs, brought, launched, bootMs));
    // One that is just in time may seem late by rounding.
    if (shortest > untilMs + 1e-6) continue;
    const through = Math.max(0, kept - launched);
    const keptNew = Math.min(launched, kept);
    // Linear in the length of the period, but where the pause is as long as a boot.
    const lengths = kept === 0 ? [shortest] : [shortest, untilMs, Math.max(shortest, untilMs - bootMs)];
    for (const lengthMs of lengths) {
      const pauseMs = kept === 0 ? 0 : untilMs - lengthMs;
      const pausedMs = through * pauseMs + keptNew * Math.max(0, pauseMs - bootMs);
      least = Math.min(least, lengthMs + price * (launched * bootMs + workMs + pausedMs));
    }
  }
  return least;
}

/** Launches without which the next work comes before this is done. Infinite where none are enough. */
function fewestInTime({ workMs, untilMs, facts: { bootMs } }: Stretch, brought: number): number {
  if (untilMs === Number.POSITIVE_INFINITY) return brought === 0 ? 1 : 0;
  const late = workMs - brought * untilMs;
  if (late <= 1e-6) return 0;
  return untilMs <= bootMs ? Number.POSITIVE_INFINITY : Math.ceil(late / (untilMs - bootMs) - 1e-9);
}

/** When all work is done, if that many are there from the start and that many come up after their boot. */
function doneAfterMs(workMs: number, brought: number, launched: number, bootMs: number): number {
  if (brought * bootMs >= workMs) return workMs / brought;
  if (launched + brought === 0) return Number.POSITIVE_INFINITY;
  return (workMs + launched * bootMs) / (brought + launched);
}

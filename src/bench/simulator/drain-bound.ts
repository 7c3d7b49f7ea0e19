/**
 * The least time with unfinished work of any schedule that costs the same, with full knowledge of the future: a lower bound
 * by Lagrangian relaxation. For any price of machine time,
 *
 *     drain >= min over schedules of (drain + price x cost) - price x money
 *
 * The minimum is exact for the relaxed model of cost-bound.ts: arrivals are cut into busy periods, and machines may be kept
 * from one to the next. Any price gives a valid bound, and the best price gives the best one.
 */
import type { MachineFacts } from './cost-bound.ts';
import type { Arrival } from './traces.ts';

/** Steps of the search for the best price. */
const STEPS = 14;
const MIN_PRICE = 1e-4;
const MAX_PRICE = 10;
/** Machines kept over a pause. */
const MAX_KEPT = 32;
/** The running time grows with the square of the arrivals. */
const MAX_ARRIVALS = 1000;

/**
 * @param machineMs the machine time that may be spent.
 * @returns milliseconds; 0 (no bound) with too many arrivals, or with money for any number of machines.
 */
export function leastDrainMs(arrivals: readonly Arrival[], machineMs: number, facts: MachineFacts): number {
  if (arrivals.length > MAX_ARRIVALS) return 0;
  const works = arrivals.map(({ atMs, images, costFactor = 1 }) => ({
    atMs,
    workMs: (1000 * images * costFactor) / facts.imagesPerSecond,
  }));
  const boundAt = (logPrice: number) => {
    const price = Math.exp(logPrice);
    return leastTotal(works, price, facts) - price * machineMs;
  };
  // The bound is concave in the price: a golden-section search finds its maximum.
  const ratio = (Math.sqrt(5) - 1) / 2;
  let [low, high] = [Math.log(MIN_PRICE), Math.log(MAX_PRICE)];
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
  /** For one machine. */
  workMs: number;
}

/**
 * The least of drain + price x machine time over all ways to cut the arrivals into busy periods. If the best way keeps
 * fewer machines than allowed, allowing more is assumed to change nothing.
 */
function leastTotal(works: readonly Work[], price: number, facts: MachineFacts): number {
  for (let most = 8; most <= MAX_KEPT; most *= 2) {
    const { total, isAtLimit } = leastTotalWith(works, price, facts, most);
    if (!isAtLimit) return total;
  }
  // Machine time is so cheap that any number would be kept: this price gives no bound.
  return Number.NEGATIVE_INFINITY;
}

/** The best ways to finish the first arrivals, by the number of machines that are kept after them. */
interface Best {
  totals: Float64Array;
  /** The most machines that each way has kept so far. */
  mostKept: Uint8Array;
}

/** The same with at most `most` machines kept over a pause. */
function leastTotalWith(works: readonly Work[], price: number, facts: MachineFacts, most: number) {
  const start = unreached(most);
  start.totals[0] = 0;
  // Indexed by the number of finished arrivals.
  const best: Best[] = [start];
  for (let end = 1; end <= works.length; end++) {
    const reached = unreached(most);
    let workMs = 0;
    for (let begin = end - 1; begin >= 0; begin--) {
      const first = works[begin] as Work;
      workMs += first.workMs;
      const leastMs = (works[end - 1] as Work).atMs - first.atMs;
      const untilMs = (works[end]?.atMs ?? Number.POSITIVE_INFINITY) - first.atMs;
      extend(reached, best[begin] ?? start, { workMs, leastMs, untilMs, price, facts });
    }
    best.push(reached);
  }
  const last = best.at(-1) ?? start;
  return { total: at(last.totals, 0), isAtLimit: last.mostKept[0] === most };
}

const unreached = (most: number): Best => ({
  totals: new Float64Array(most + 1).fill(Number.POSITIVE_INFINITY),
  mostKept: new Uint8Array(most + 1),
});

const at = (values: Float64Array, index: number): number => values[index] ?? Number.POSITIVE_INFINITY;

interface Stretch {
  workMs: number;
  /** A busy period lasts at least until its last arrival, and at most until the next one. */
  leastMs: number;
  untilMs: number;
  price: number;
  facts: MachineFacts;
}

/** Most stretches are no part of a best way, which their floors tell sooner than their totals. */
function extend(reached: Best, from: Best, stretch: Stretch): void {
  const most = stretch.untilMs === Number.POSITIVE_INFINITY ? 0 : reached.totals.length - 1;
  if (!couldImprove(reached, most, from.totals.reduce(lesser), stretch)) return;
  for (let brought = 0; brought < from.totals.length; brought++) {
    const before = at(from.totals, brought);
    if (!couldImprove(reached, most, before, stretch)) continue;
    const floorBrought = floorWith(stretch, brought);
    for (let kept = 0; kept <= most; kept++) {
      if (before + Math.max(floorOf(stretch, kept), floorBrought) >= at(reached.totals, kept)) continue;
      const total = before + stretchTotal(stretch, brought, kept);
      if (total >= at(reached.totals, kept)) continue;
      reached.totals[kept] = total;
      reached.mostKept[kept] = Math.max(from.mostKept[brought] ?? 0, kept);
    }
  }
}

const lesser = (a: number, b: number): number => (a < b ? a : b);

function couldImprove({ totals }: Best, most: number, before: number, stretch: Stretch): boolean {
  for (let kept = 0; kept <= most; kept++)
    if (before + floorOf(stretch, kept) < at(totals, kept)) return true;
  return false;
}

/** A cheap lower bound for any number of brought and launched machines. */
function floorOf({ workMs, leastMs, untilMs, price, facts }: Stretch, kept: number): number {
  const paused = kept === 0 ? 0 : price * kept * Math.max(0, untilMs - leastMs - facts.bootMs);
  return price * workMs + Math.min(leastMs + paused, untilMs);
}

/** A cheap lower bound for any number of kept machines: with the best number of launches, not rounded. */
function floorWith({ workMs, price, facts: { bootMs } }: Stretch, brought: number): number {
  const afterBootMs = workMs - brought * bootMs;
  if (afterBootMs <= 0) return workMs / brought + price * workMs;
  const working = Math.max(brought, Math.sqrt(afterBootMs / (price * bootMs)));
  const launched = working - brought;
  return (workMs + launched * bootMs) / working + price * (launched * bootMs + workMs);
}

/** The least for one busy period and the pause after it, over its launches and its length. */
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
    // Just in time may look late because of rounding.
    if (shortest > untilMs + 1e-6) continue;
    const through = Math.max(0, kept - launched);
    const keptNew = Math.min(launched, kept);
    // Linear in the length of the period, except where the pause is as long as a boot.
    const lengths = kept === 0 ? [shortest] : [shortest, untilMs, Math.max(shortest, untilMs - bootMs)];
    for (const lengthMs of lengths) {
      const pauseMs = kept === 0 ? 0 : untilMs - lengthMs;
      const pausedMs = through * pauseMs + keptNew * Math.max(0, pauseMs - bootMs);
      const paidMs = Math.max(launched * bootMs + workMs, (launched - keptNew) * facts.billingMinimumMs);
      least = Math.min(least, lengthMs + price * (paidMs + pausedMs));
    }
  }
  return least;
}

/** The fewest launches that finish this work before the next arrives. Infinity if no number does. */
function fewestInTime({ workMs, untilMs, facts: { bootMs } }: Stretch, brought: number): number {
  if (untilMs === Number.POSITIVE_INFINITY) return brought === 0 ? 1 : 0;
  const late = workMs - brought * untilMs;
  if (late <= 1e-6) return 0;
  return untilMs <= bootMs ? Number.POSITIVE_INFINITY : Math.ceil(late / (untilMs - bootMs) - 1e-9);
}

/** When all work is done with `brought` machines from the start and `launched` ones after their boot. */
function doneAfterMs(workMs: number, brought: number, launched: number, bootMs: number): number {
  if (brought * bootMs >= workMs) return workMs / brought;
  if (launched + brought === 0) return Number.POSITIVE_INFINITY;
  return (workMs + launched * bootMs) / (brought + launched);
}

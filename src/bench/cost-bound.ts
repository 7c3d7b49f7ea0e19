/**
 * The least that the work could have cost, had all been known before: a lower bound on the machine time of every
 * schedule that is done with each busy period's work when the policy was.
 *
 * A machine is launched no earlier than the first arrival of the busy period in which it first works; it boots, which
 * costs, and works at full speed. One that is kept between two periods is paid for the time between. Everything else
 * is given away: work of a period is all there at its start, images are divisible, a machine that is not kept goes at the very
 * moment at which it has done its share, and the boot of one that only later
 * work needs may fall into the pause.
 */
import type { BusyPeriod } from './simulated-cluster.ts';

export interface MachineFacts {
  imagesPerSecond: number;
  /** The mean of the run's own, so that luck is no merit. */
  bootMs: number;
}

/** Periods x machines x machines that are gone through. */
const MOST_STEPS = 1e8;

/** @returns machine milliseconds; 0 where nothing can be said: too much to go through. */
export function leastMachineMs(periods: readonly BusyPeriod[], facts: MachineFacts): number {
  const spans = periods.map(({ startMs, endMs, images, launched = 0, bootMs }, at) => ({
    bootMs: bootMs ?? facts.bootMs,
    hasBooted: launched > 0,
    workMs: (1000 * images) / facts.imagesPerSecond,
    lengthMs: endMs - startMs,
    pauseMs: (periods[at + 1]?.startMs ?? Number.POSITIVE_INFINITY) - endMs,
  }));
  // More than the fullest later period can use at once is never worth keeping.
  const most = Math.max(0, ...spans.slice(1).map(({ workMs, lengthMs }) => Math.ceil(workMs / lengthMs)));
  if (spans.length * most ** 2 > MOST_STEPS) return 0;
  let costs: number[] = [0];
  for (const [at, span] of spans.entries()) {
    const mostKept = at === spans.length - 1 ? 0 : most;
    costs = Array.from({ length: mostKept + 1 }, (_, kept) =>
      costs.reduce(
        (least, cost, brought) => Math.min(least, cost + spanCost(span, brought, kept)),
        Number.POSITIVE_INFINITY,
      ),
    );
  }
  return costs[0] ?? 0;
}

interface Span {
  /** As long as the machines that the policy launched in this period took. */
  bootMs: number;
  hasBooted: boolean;
  workMs: number;
  lengthMs: number;
  pauseMs: number;
}

/** The least cost of a period and the pause after it, over how many machines are launched in it. */
function spanCost(span: Span, brought: number, kept: number): number {
  const { workMs, lengthMs, pauseMs, bootMs } = span;
  // Who raced many machines may be done before the mean of their boots: at least one it was.
  const fewestByLuck = span.hasBooted ? 1 : Number.POSITIVE_INFINITY;
  const lacking = workMs - brought * lengthMs;
  const usefulMs = lengthMs - bootMs;
  // A billionth of a machine is rounding.
  const forWork = lacking <= 1e-6 ? 0 : usefulMs <= 0 ? fewestByLuck : Math.ceil(lacking / usefulMs - 1e-9);
  const fewest = Math.max(forWork, kept - brought);
  if (fewest === Number.POSITIVE_INFINITY) return fewest;
  // The cost is linear in the launches but for some bends: where work fills the rest, where all kept ones are new, and
  // where all of those may boot in the pause.
  const bend = kept - Math.floor(workMs / lengthMs);
  const candidates = [fewest, kept, forWork + kept, bend, bend - 1].filter((launched) => launched >= fewest);
  return Math.min(
    ...candidates.map((launched) => {
      const through = Math.max(0, kept - launched);
      // Those that the work needs have booted before its end.
      const late = Math.min(kept, launched - forWork);
      const punctual = kept - late;
      const pausedMs =
        (punctual === 0 ? 0 : punctual * pauseMs) + (late === 0 ? 0 : late * Math.max(0, pauseMs - bootMs));
      return launched * bootMs + Math.max(workMs, through * lengthMs) + pausedMs;
    }),
  );
}

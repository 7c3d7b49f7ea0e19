/**
 * The least cost of the work with full knowledge of the future: a lower bound on the machine time of every schedule that
 * finishes the work of each busy period as early as the policy did.
 *
 * A machine is launched no earlier than the first arrival of the busy period in which it first works. Its boot is paid for,
 * and it works at full speed. A machine that is kept between two periods is paid for the time between. The model is generous
 * in everything else: all work of a period is there at its start, images are divisible, a machine that is not kept ends at
 * the moment at which it has done its share, and a machine that only later work needs may boot in the pause.
 */
import type { BusyPeriod } from './tally.ts';

export interface MachineFacts {
  imagesPerSecond: number;
  /** The mean of the run itself, so that lucky boots do not count as merit. */
  bootMs: number;
  /** A machine is paid for at least this long. */
  billingMinimumMs: number;
}

/** Limit of periods x machines x machines. */
const MAX_STEPS = 1e8;

/** @returns machine milliseconds; 0 (no bound) beyond the limit. */
export function leastMachineMs(periods: readonly BusyPeriod[], facts: MachineFacts): number {
  const spans = periods.map(({ startMs, endMs, images, launched = 0, bootMs }, at) => ({
    bootMs: bootMs ?? facts.bootMs,
    hasBooted: launched > 0,
    workMs: (1000 * images) / facts.imagesPerSecond,
    lengthMs: endMs - startMs,
    minimumMs: facts.billingMinimumMs,
    pauseMs: (periods[at + 1]?.startMs ?? Number.POSITIVE_INFINITY) - endMs,
  }));
  // Keeping more machines than any later period can use at once never pays.
  const most = Math.max(0, ...spans.slice(1).map(({ workMs, lengthMs }) => Math.ceil(workMs / lengthMs)));
  if (spans.length * most ** 2 > MAX_STEPS) return 0;
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
  /** The mean of the machines that the policy launched in this period. */
  bootMs: number;
  hasBooted: boolean;
  workMs: number;
  lengthMs: number;
  pauseMs: number;
  /** Of the time that a machine is paid for. */
  minimumMs: number;
}

/** The least cost of a period and the pause after it, over how many machines are launched in it. */
function spanCost(span: Span, brought: number, kept: number): number {
  const { workMs, lengthMs, pauseMs, bootMs, minimumMs } = span;
  // With many machines the fastest boot may finish the work before the mean boot time: at least one was launched.
  const fewestByLuck = span.hasBooted ? 1 : Number.POSITIVE_INFINITY;
  const lacking = workMs - brought * lengthMs;
  const usefulMs = lengthMs - bootMs;
  // A billionth of a machine is a rounding error.
  const forWork = lacking <= 1e-6 ? 0 : usefulMs <= 0 ? fewestByLuck : Math.ceil(lacking / usefulMs - 1e-9);
  const fewest = Math.max(forWork, kept - brought);
  if (fewest === Number.POSITIVE_INFINITY) return fewest;
  // The cost is linear in the launches except for some bends: where work fills the rest, where all kept machines are new,
  // and where all of those may boot in the pause.
  const bend = kept - Math.floor(workMs / lengthMs);
  // Or where the billing minimum of the machines that end is as much as boots and work.
  const minimal = [0, kept].map((stay) => Math.floor((workMs + stay * minimumMs) / (minimumMs - bootMs)));
  const candidates = [
    ...[fewest, kept, forWork + kept, bend, bend - 1],
    ...minimal.flatMap((launched) => [launched, launched + 1]),
  ].filter((launched) => launched >= fewest && Number.isFinite(launched));
  return Math.min(
    ...candidates.map((launched) => {
      const through = Math.max(0, kept - launched);
      // Machines that the work needs have booted before its end.
      const late = Math.min(kept, launched - forWork);
      const punctual = kept - late;
      const pausedMs =
        (punctual === 0 ? 0 : punctual * pauseMs) + (late === 0 ? 0 : late * Math.max(0, pauseMs - bootMs));
      const workingMs = launched * bootMs + Math.max(workMs, through * lengthMs);
      return Math.max(workingMs, (launched - Math.min(launched, kept)) * minimumMs) + pausedMs;
    }),
  );
}

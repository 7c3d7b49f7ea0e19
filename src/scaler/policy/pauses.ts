/** The pauses between arrivals of work. Pure. */
import type { PastArrival } from './policy.ts';

/** @param arrivals the latest last. @returns one pause fewer than arrivals, in their order. */
export const pausesMsOf = (arrivals: readonly PastArrival[]): number[] =>
  arrivals.slice(1).map(({ agoMs }, at) => (arrivals[at]?.agoMs ?? agoMs) - agoMs);

/** @param share below 1. @returns undefined without values. */
export const quantile = (values: readonly number[], share: number): number | undefined =>
  values.toSorted((a, b) => a - b)[Math.floor(share * values.length)];

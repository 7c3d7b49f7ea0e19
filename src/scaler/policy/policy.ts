/** What a policy is given and what it answers. Pure: no I/O, no clock, no randomness in this folder. */
import type { Backlog, Machine, Snapshot } from '../snapshot.ts';

export interface PolicySettings {
  policy: string;
  min: number;
  max: number;
  maxLaunchPerTick: number;
  /** After a launch nothing is retired for so long. */
  cooldownMs: number;
  /** How long an idle machine is kept; undefined: a tenth of its age, within bounds. */
  idleMs: number | undefined;
  /** The backlog should be gone within so long from now. */
  targetMs: number;
  /** A machine costs at least so long. */
  billingMinimumMs: number;
  /** Of one machine; undefined where no price is known. */
  hourlyUsd: number | undefined;
  maxHourlyCostUsd: number | undefined;
  maxJobCostUsd: number | undefined;
}

/** What the controller remembers of its own actions. */
export interface History {
  /** Since the last launch; undefined: never. */
  sinceLaunchMs: number | undefined;
  /** The most machines that were needed at any tick of the last while (`idleMs`, or 30 s). */
  recentlyNeeded: number;
  /** Between the last arrivals of work, the latest last. */
  pausesMs?: readonly number[];
  /** Since work came; undefined: none was seen. */
  sinceWorkMs?: number | undefined;
}

/** A snapshot whose parts are all known. */
export interface Sight {
  backlog: Backlog;
  machines: readonly Machine[];
  measured: Snapshot['measured'];
  throughputImagesPerSecond: number;
}

/** What a named policy answers: how many machines the work needs now, and why. */
export interface Need {
  /** Machines to have in all, booting ones included, before any limit. */
  machines: number;
  reason: string;
}

export type Policy = (sight: Sight, settings: PolicySettings) => Need;

export interface Decision {
  /** Machines that there should be after this decision, draining ones not counted. */
  target: number;
  /** What the policy asked for, before limits. */
  needed: number;
  launch: number;
  retire: readonly string[];
  /** In words, for `status` and the log. */
  reason: string;
  /** A limit that a person should know of: a cost cap that is reached. */
  warnings: readonly string[];
}

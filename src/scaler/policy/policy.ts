/** Input and output of a policy. Everything in this folder is pure: no I/O, no clock, no randomness. */

import type { Backlog, Machine, Snapshot } from '../snapshot.ts';
import type { PolicyConstants } from './constants.ts';

export interface PolicySettings {
  policy: string;
  min: number;
  max: number;
  maxLaunchPerTick: number;
  /** No machine is retired for this long after a launch. */
  cooldownMs: number;
  /** How long an idle machine is kept. Undefined: a twentieth of its age, from 5 s to 120 s. */
  idleMs: number | undefined;
  /** The backlog should be done this long from now. */
  targetMs: number;
  /** A machine is billed for at least this long. */
  billingMinimumMs: number;
  /** Price of one machine; undefined if it is unknown. */
  hourlyUsd: number | undefined;
  maxHourlyCostUsd: number | undefined;
  maxJobCostUsd: number | undefined;
  /** Those of constants.ts if absent. A search for better ones tries others. */
  constants?: PolicyConstants;
}

/** How many machines may be launched now, after launches that failed. */
export interface LaunchLimit {
  launches: number;
  why: string;
}

/** Work that arrived, for one machine. */
export interface PastArrival {
  agoMs: number;
  workMs: number;
}

/** Work that recurs and will soon come again. */
export interface ExpectedWork {
  /** For one machine. */
  workMs: number;
  /** Why it is expected, in words. */
  rhythm: string;
}

/** What the controller remembers of earlier ticks. */
export interface History {
  /** Undefined if there was no launch. */
  sinceLaunchMs: number | undefined;
  /** The most machines that any tick of the last 15 s needed. */
  recentlyNeeded: number;
  /** Machines that stood by at the last decision. One that was lost is replaced. */
  onStandby?: number;
  /** The last arrivals of work, the latest last. */
  arrivals: readonly PastArrival[];
  /** Undefined while launches are not limited. */
  launchLimit?: LaunchLimit | undefined;
  /** Work that is expected within a boot. */
  expected?: ExpectedWork | undefined;
  /** When the forecast expects the next work, before which machines start. */
  nextWorkInMs?: number | undefined;
}

/** A snapshot whose backlog and machines are known. */
export interface KnownSnapshot {
  backlog: Backlog;
  machines: readonly Machine[];
  measured: Snapshot['measured'];
  /** Machines that work keeps busy which arrives steadily; 0 without such work. */
  streamLoad: number;
}

/** The answer of a named policy: how many machines the work needs now, and why. */
export interface Need {
  /** In total, booting ones included, before any limit. */
  machines: number;
  reason: string;
  /** They keep up with work that arrives steadily, and nothing stands: a machine more is retired although it is busy. */
  isCaughtUp?: boolean;
}

export type Policy = (snapshot: KnownSnapshot, settings: PolicySettings) => Need;

export interface Decision {
  /** Machines after this decision, draining ones not counted. */
  target: number;
  /** Machines that the policy asked for or that expected work needs, before limits. */
  needed: number;
  /** Machines that should be there although they have no work; absent if nothing could be decided. */
  onStandby?: number;
  launch: number;
  retire: readonly string[];
  /** A clause for `status`, `scale` and the page. */
  reason: string;
  /** Limits that a person should know of, such as a cost cap that is reached. */
  warnings: readonly string[];
}

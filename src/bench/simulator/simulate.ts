/** One simulated run: the real controller and policy, in virtual time, with a simulated cluster. */

import { MAX_BATCH } from '../../core/job/messages.ts';
import type { Clock } from '../../core/runtime/clock.ts';
import { ImgclsError } from '../../core/runtime/errors.ts';
import { noLog } from '../../core/runtime/log.ts';
import { Controller } from '../../scaler/controller.ts';
import type { PolicySettings } from '../../scaler/policy/policy.ts';
import type { MachineFacts } from './cost-bound.ts';
import { Random } from '../random.ts';
import { type BusyPeriod, SimulatedCluster, type SimulatedClusterOptions } from './simulated-cluster.ts';
import { simulatedDriver, simulatedObserver } from './simulated-ports.ts';
import { createTargetTracking } from './target-tracking.ts';
import type { Trace } from './traces.ts';

const TICK_MS = 5000;
const HOUR_MS = 3_600_000;
/** Work that is unfinished this long after the last arrival never will be done. */
const GIVE_UP_AFTER_MS = 30 * 24 * HOUR_MS;

export const policyNames = ['backlog', 'per-message', 'target-tracking'] as const;
export type PolicyName = (typeof policyNames)[number];

/** 71.53 s is the published time of the baseline from launch to booted instance (arXiv 2305.01634). */
export const defaultCluster: SimulatedClusterOptions = {
  imagesPerSecond: 40,
  bootMs: 71_530,
  bootSigma: 0.1,
  refusedShare: 0,
  lossesPerHour: 0,
  leaseMs: 60_000,
  billingMinimumMs: 60_000,
};

/** The defaults of `imgcls scale` except `--max`, and the price of a small instance. */
const defaultPolicySettings: Omit<PolicySettings, 'policy' | 'max'> = {
  min: 0,
  maxLaunchPerTick: 100,
  cooldownMs: 10_000,
  idleMs: undefined,
  targetMs: 120_000,
  billingMinimumMs: 60_000,
  hourlyUsd: 0.1,
  maxHourlyCostUsd: undefined,
  maxJobCostUsd: undefined,
};

export interface SimulationOptions {
  policy: PolicyName;
  max: number;
  seed: number;
  cluster?: Partial<SimulatedClusterOptions>;
  settings?: Partial<PolicySettings>;
}

export interface SimulationResult {
  policy: PolicyName;
  busyPeriods: readonly BusyPeriod[];
  /** Total time with unfinished work. */
  drainMs: number;
  p95WaitMs: number;
  /** Billed. */
  machineMs: number;
  costUsd: number;
  launched: number;
  /** Machines that never worked. */
  wastedBoots: number;
  imagesDone: number;
  /** For the bounds. */
  facts: MachineFacts;
}

/** @throws {ImgclsError} of kind `permanent` if the policy launches too few machines to ever finish the work. */
export async function simulate(trace: Trace, options: SimulationOptions): Promise<SimulationResult> {
  const clusterOptions = { ...defaultCluster, ...options.cluster };
  const cluster = new SimulatedCluster(trace.arrivals, clusterOptions, new Random(options.seed));
  const settings: PolicySettings = {
    ...defaultPolicySettings,
    ...options.settings,
    policy: options.policy,
    max: options.max,
  };
  const controller = controllerOf(cluster, clusterOptions, settings);
  const endMs = (trace.arrivals.at(-1)?.atMs ?? 0) + GIVE_UP_AFTER_MS;
  for (let atMs = 0; !cluster.isOver; atMs = nextTickMs(cluster)) {
    if (atMs > endMs)
      throw new ImgclsError(
        'permanent',
        `Policy ${options.policy} never finishes the work of trace ${trace.name}.`,
        {
          hint: 'Allow more machines with --max.',
        },
      );
    cluster.runUntil(atMs);
    await controller.tick();
  }
  return resultOf(cluster, options.policy, { ...clusterOptions, hourlyUsd: settings.hourlyUsd ?? 0 });
}

/** Skips the ticks of an empty cluster until the next arrival. */
function nextTickMs(cluster: SimulatedCluster): number {
  const isEmpty = cluster.unfinishedImages === 0 && cluster.machines.size === 0;
  const ticks = Math.floor(cluster.nowMs / TICK_MS) + 1;
  if (!isEmpty || cluster.nextArrivalMs === Number.POSITIVE_INFINITY) return ticks * TICK_MS;
  return Math.max(ticks, Math.ceil(cluster.nextArrivalMs / TICK_MS)) * TICK_MS;
}

function controllerOf(
  cluster: SimulatedCluster,
  clusterOptions: SimulatedClusterOptions,
  settings: PolicySettings,
): Controller {
  const { imagesPerSecond, bootMs } = clusterOptions;
  const clock: Clock = {
    nowMs: () => cluster.nowMs,
    monotonicMs: () => cluster.nowMs,
    sleep: async () => {},
  };
  const isTracking = settings.policy === 'target-tracking';
  return new Controller({
    lock: { epoch: 1, isInherited: false },
    driver: simulatedDriver(cluster, settings.hourlyUsd ?? 0),
    observer: simulatedObserver(cluster, { imagesPerSecond, bootMs }),
    reports: {
      read: async () => undefined,
      write: async () => {},
      readJobCost: async () => undefined,
      writeJobCosts: async () => {},
      readHistory: async () => [],
      writeHistory: async () => {},
    },
    // An Auto Scaling group keeps its desired capacity, idle or not.
    settings: isTracking ? { ...settings, idleMs: Number.POSITIVE_INFINITY } : settings,
    bootDeadlineMs: Number.POSITIVE_INFINITY,
    reportEveryMs: Number.POSITIVE_INFINITY,
    holder: 'simulation',
    driverName: 'simulation',
    clock,
    log: noLog,
    ...(isTracking && { policy: createTargetTracking(clock.nowMs, MAX_BATCH) }),
  });
}

const resultOf = (
  cluster: SimulatedCluster,
  policy: PolicyName,
  { hourlyUsd, imagesPerSecond }: { hourlyUsd: number; imagesPerSecond: number },
): SimulationResult => ({
  policy,
  busyPeriods: cluster.busyPeriods,
  drainMs: cluster.busyPeriods.reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0),
  p95WaitMs: cluster.waits.quantileMs(0.95),
  machineMs: cluster.billedMs,
  costUsd: (cluster.billedMs / HOUR_MS) * hourlyUsd,
  launched: cluster.launched,
  wastedBoots: cluster.wastedBoots,
  imagesDone: cluster.imagesDone,
  facts: {
    imagesPerSecond,
    bootMs: cluster.bootsMs / cluster.launched,
  },
});

/** One simulated run: the real controller and policy, in virtual time, over a model of the world. */

import { MAX_BATCH } from '../core/job/messages.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import { noLog } from '../core/runtime/log.ts';
import { Controller } from '../scaler/controller.ts';
import type { PolicySettings } from '../scaler/policy/policy.ts';
import type { MachineFacts } from './cost-bound.ts';
import { Random } from './random.ts';
import { simulatedDriver, simulatedObserver } from './simulated-ports.ts';
import { createTargetTracking } from './target-tracking.ts';
import type { Trace } from './traces.ts';
import { type BusyPeriod, World, type WorldOptions } from './simulated-cluster.ts';

const TICK_MS = 5000;
const HOUR_MS = 3_600_000;
/** Work that is not done so long after the last of it came never will be. */
const PATIENCE_MS = 30 * 24 * HOUR_MS;

export const policyNames = ['backlog', 'per-message', 'target-tracking'] as const;
export type PolicyName = (typeof policyNames)[number];

/** 71.53 s is what the seed's authors measured from launch to booted instance (arXiv 2305.01634). */
export const defaultWorld: WorldOptions = {
  imagesPerSecond: 40,
  bootMs: 71_530,
  bootSigma: 0.1,
  refusedShare: 0,
  lossesPerHour: 0,
  leaseMs: 60_000,
  billingMinimumMs: 60_000,
};

/** What `imgcls scale` does by default, but for `--max`; a price for scale, as of a small instance. */
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
  world?: Partial<WorldOptions>;
  settings?: Partial<PolicySettings>;
}

export interface SimulationResult {
  policy: PolicyName;
  busyPeriods: readonly BusyPeriod[];
  /** Time in which there was unfinished work, all of it together. */
  drainMs: number;
  p95WaitMs: number;
  /** That is paid. */
  machineMs: number;
  costUsd: number;
  launched: number;
  /** Machines that never worked. */
  wastedBoots: number;
  imagesDone: number;
  /** For the bounds. */
  facts: MachineFacts;
}

/** @throws {ImgclsError} of kind `permanent` when the work is never done: the policy launches too little. */
export async function simulate(trace: Trace, options: SimulationOptions): Promise<SimulationResult> {
  const worldOptions = { ...defaultWorld, ...options.world };
  const world = new World(trace.arrivals, worldOptions, new Random(options.seed));
  const settings: PolicySettings = {
    ...defaultPolicySettings,
    ...options.settings,
    policy: options.policy,
    max: options.max,
  };
  const controller = controllerOf(world, worldOptions, settings);
  const endMs = (trace.arrivals.at(-1)?.atMs ?? 0) + PATIENCE_MS;
  for (let atMs = 0; !world.isOver; atMs = nextTickMs(world)) {
    if (atMs > endMs)
      throw new ImgclsError('permanent', `With ${options.policy} the work of ${trace.name} is never done.`, {
        hint: 'Allow more machines with --max.',
      });
    world.runUntil(atMs);
    await controller.tick();
  }
  return resultOf(world, options.policy, { ...worldOptions, hourlyUsd: settings.hourlyUsd ?? 0 });
}

/** Where nothing is there and nothing to do, nothing happens until the next work comes. */
function nextTickMs(world: World): number {
  const isQuiet = world.unfinishedImages === 0 && world.machines.size === 0;
  const ticks = Math.floor(world.nowMs / TICK_MS) + 1;
  if (!isQuiet || world.nextArrivalMs === Number.POSITIVE_INFINITY) return ticks * TICK_MS;
  return Math.max(ticks, Math.ceil(world.nextArrivalMs / TICK_MS)) * TICK_MS;
}

function controllerOf(world: World, worldOptions: WorldOptions, settings: PolicySettings): Controller {
  const { imagesPerSecond, bootMs } = worldOptions;
  const clock: Clock = {
    nowMs: () => world.nowMs,
    monotonicMs: () => world.nowMs,
    sleep: async () => {},
  };
  const isTracking = settings.policy === 'target-tracking';
  return new Controller({
    lock: { epoch: 1, isInherited: false },
    driver: simulatedDriver(world, settings.hourlyUsd ?? 0),
    observer: simulatedObserver(world, { imagesPerSecond, bootMs }),
    reports: {
      read: async () => undefined,
      write: async () => {},
      writeJobCosts: async () => {},
      readHistory: async () => [],
      writeHistory: async () => {},
    },
    // A group that tracks a target keeps what it wants, idle or not.
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
  world: World,
  policy: PolicyName,
  { hourlyUsd, imagesPerSecond }: { hourlyUsd: number; imagesPerSecond: number },
): SimulationResult => ({
  policy,
  busyPeriods: world.busyPeriods,
  drainMs: world.busyPeriods.reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0),
  p95WaitMs: world.waits.quantileMs(0.95),
  machineMs: world.billedMs,
  costUsd: (world.billedMs / HOUR_MS) * hourlyUsd,
  launched: world.launched,
  wastedBoots: world.wastedBoots,
  imagesDone: world.imagesDone,
  facts: {
    imagesPerSecond,
    bootMs: world.bootsMs / world.launched,
  },
});

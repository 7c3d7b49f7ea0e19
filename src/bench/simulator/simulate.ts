/** One simulated run: the real controller and policy, in virtual time, with a simulated cluster. */
import type { Clock } from '../../core/runtime/clock.ts';
import { ImgclsError } from '../../core/runtime/errors.ts';
import { noLog } from '../../core/runtime/log.ts';
import { Controller } from '../../scaler/controller.ts';
import { Forecaster } from '../../scaler/forecast/forecaster.ts';
import type { PolicySettings } from '../../scaler/policy/policy.ts';
import { Random } from '../random.ts';
import type { MachineFacts } from './cost-bound.ts';
import { createRival, type PolicyName } from './rivals/rivals.ts';
import { SimulatedCluster } from './simulated-cluster.ts';
import { SimulatedObserver, simulatedDriver } from './simulated-ports.ts';
import type { BusyPeriod } from './tally.ts';
import type { Trace } from './traces.ts';
import { type World, type WorldName, worlds } from './worlds.ts';

const TICK_MS = 5000;
const HOUR_MS = 3_600_000;
/** Work that is unfinished this long after the last arrival never will be done. */
const GIVE_UP_AFTER_MS = 30 * 24 * HOUR_MS;
/** Of one machine. */
export const IMAGES_PER_SECOND = 40;
/** The default of `imgcls scale`. */
const BOOT_DEADLINE_MS = 600_000;
/** So that the world's luck does not depend on how often the controller looks. */
const OBSERVER_SEED = 0x5eed;

/** The defaults of `imgcls scale` except `--max`, and the price of a small instance. */
export const defaultPolicySettings: Omit<PolicySettings, 'policy' | 'max'> = {
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
  world?: WorldName;
  /** Overrides settings of the simulated world. */
  cluster?: Partial<World>;
  settings?: Partial<PolicySettings>;
  /**
   * Machines that stay from the first launch to the last arrival: what a policy could do that is told whether more work will come.
   */
  keep?: number;
  /** Whether work that recurs is expected; a rival never does. */
  forecast?: 'on' | 'off';
  /** After the last arrival, {@link GIVE_UP_AFTER_MS} by default. */
  giveUpAfterMs?: number;
}

export interface SimulationResult {
  policy: PolicyName;
  busyPeriods: readonly BusyPeriod[];
  /** Total time with unfinished work. */
  drainMs: number;
  p95WaitMs: number;
  /** From the arrival of a job to its last outcome. */
  meanJobMs: number;
  p95JobMs: number;
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
  const kindness = worlds[options.world ?? 'ideal'];
  const world = { ...kindness, bootMs: trace.bootMs ?? kindness.bootMs, ...options.cluster };
  const clusterOptions = { ...world, imagesPerSecond: IMAGES_PER_SECOND };
  const cluster = new SimulatedCluster(trace.arrivals, clusterOptions, new Random(options.seed));
  const settings: PolicySettings = {
    ...defaultPolicySettings,
    ...options.settings,
    policy: options.policy,
    max: options.max,
  };
  const controller = controllerOf(cluster, withKept(settings, cluster, options.keep ?? 0), options);
  const endMs = (trace.arrivals.at(-1)?.atMs ?? 0) + (options.giveUpAfterMs ?? GIVE_UP_AFTER_MS);
  let wakeAtMs: number | undefined;
  for (let atMs = 0; !cluster.isOver; atMs = nextTickMs(cluster, wakeAtMs)) {
    if (atMs > endMs)
      throw new ImgclsError(
        'permanent',
        `Policy ${options.policy} never finishes the work of trace ${trace.name}.`,
        {
          hint: 'Allow more machines with --max.',
        },
      );
    cluster.runUntil(atMs);
    const tick = await controller.tick();
    wakeAtMs = tick?.report.expected?.launchAtMs;
  }
  return resultOf(cluster, options.policy, settings.hourlyUsd ?? 0);
}

/** The minimum follows the simulated time. */
const withKept = (settings: PolicySettings, cluster: SimulatedCluster, keep: number): PolicySettings => ({
  ...settings,
  get min() {
    const isBetween = cluster.tally.launched > 0 && cluster.nextArrivalMs < Number.POSITIVE_INFINITY;
    return Math.max(settings.min, isBetween ? keep : 0);
  },
});

/** The horizon of the forecast is a day. */
const LONGEST_SKIP_MS = 12 * HOUR_MS;

/** Skips the ticks of an empty cluster until the next arrival, or until a machine starts ahead of one. */
function nextTickMs(cluster: SimulatedCluster, wakeAtMs = cluster.nowMs + LONGEST_SKIP_MS): number {
  const ticks = Math.floor(cluster.nowMs / TICK_MS) + 1;
  if (!cluster.isEmpty || cluster.nextArrivalMs === Number.POSITIVE_INFINITY) return ticks * TICK_MS;
  const skippedToMs = Math.min(cluster.nextArrivalMs, wakeAtMs);
  return Math.max(ticks, Math.ceil(skippedToMs / TICK_MS)) * TICK_MS;
}

function controllerOf(
  cluster: SimulatedCluster,
  settings: PolicySettings,
  { policy, seed, forecast }: SimulationOptions,
): Controller {
  const { imagesPerSecond, bootMs } = cluster.options;
  const clock: Clock = {
    nowMs: () => cluster.nowMs,
    monotonicMs: () => cluster.nowMs,
    sleep: async () => {},
  };
  const rival = createRival(policy, clock.nowMs);
  const driver = simulatedDriver(cluster, settings.hourlyUsd ?? 0);
  const random = new Random(seed ^ OBSERVER_SEED);
  return new Controller({
    lock: { epoch: 1, isInherited: false },
    driver,
    observer: new SimulatedObserver(cluster, {
      driver,
      random,
      measured: { imagesPerSecond, bootMs },
      clock,
    }),
    reports: {
      read: async () => undefined,
      write: async () => {},
      readJobCost: async () => undefined,
      writeJobCosts: async () => {},
      readHistory: async () => [],
      writeHistory: async () => {},
    },
    // A rival says itself when a machine has idled for long enough.
    settings: rival === undefined ? settings : { ...settings, idleMs: Number.POSITIVE_INFINITY },
    bootDeadlineMs: BOOT_DEADLINE_MS,
    reportEveryMs: Number.POSITIVE_INFINITY,
    holder: 'simulation',
    driverName: 'simulation',
    clock,
    log: noLog,
    ...(rival && { policy: rival }),
    ...(forecast === 'on' &&
      policy === 'backlog' && {
        forecaster: new Forecaster({ read: async () => undefined, write: async () => {}, clock, log: noLog }),
      }),
  });
}

function resultOf(
  { tally, options }: SimulatedCluster,
  policy: PolicyName,
  hourlyUsd: number,
): SimulationResult {
  const jobMs = tally.jobMs.toSorted((a, b) => a - b);
  return {
    policy,
    busyPeriods: tally.busyPeriods,
    drainMs: tally.busyPeriods.reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0),
    p95WaitMs: tally.waits.quantileMs(0.95),
    meanJobMs: jobMs.reduce((sum, each) => sum + each, 0) / Math.max(1, jobMs.length),
    p95JobMs: jobMs[Math.ceil(0.95 * jobMs.length) - 1] ?? 0,
    machineMs: tally.billedMs,
    costUsd: (tally.billedMs / HOUR_MS) * hourlyUsd,
    launched: tally.launched,
    wastedBoots: tally.wastedBoots,
    imagesDone: tally.imagesDone,
    facts: {
      imagesPerSecond: options.imagesPerSecond,
      bootMs: tally.bootsMs / tally.boots,
      billingMinimumMs: options.billingMinimumMs,
    },
  };
}

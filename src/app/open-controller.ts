// Builds the controller of a cluster, its lock and the settings of its policy.

import { availableParallelism } from 'node:os';
import type { Cloud } from '../core/cloud/ports.ts';
import type { ControllerTiming } from '../core/fleet/controller-timing.ts';
import { interactiveQueueName, requestQueueName } from '../core/job/keys.ts';
import { findJobCost, writeJobCosts } from '../core/money/job-cost.ts';
import { coresOf } from '../core/money/prices.ts';
import type { Log } from '../core/runtime/log.ts';
import { type ClusterSettingsSource, Controller } from '../scaler/controller.ts';
import { AUTO, AUTO_CORES } from '../scaler/drivers/instance-choice.ts';
import type { FleetDriver } from '../scaler/fleet.ts';
import { findArrivals, writeArrivals } from '../scaler/forecast/arrival-log.ts';
import { Forecaster } from '../scaler/forecast/forecaster.ts';
import { readHistory, writeHistory } from '../scaler/history.ts';
import { LockKeeper } from '../scaler/lock.ts';
import { msPerImageOf, readModelRates } from '../scaler/model-rates.ts';
import { Observer } from '../scaler/observe.ts';
import type { PolicySettings } from '../scaler/policy/policy.ts';
import { findReport, writeReport } from '../scaler/report.ts';
import { maxWorkers, type OpenedFleet } from './open-fleet.ts';
import type { RunSettings } from './settings.ts';
import { systemClock } from './system-clock.ts';

const EC2_BILLING_MINIMUM_MS = 60_000;
/** Assumed boot time of a machine until one is measured. EC2: the figure of arXiv 2305.01634. */
export const BOOT_MS = { aws: 71_530, local: 2000 };

/**
 * Cores of a worker's machine: of the smallest instance type that may be launched, or of this machine. Undefined if the type is
 * not known.
 */
export function workerCores({ cloud, runners, instanceTypes = [] }: RunSettings): number | undefined {
  if (cloud === 'local') return runners ?? availableParallelism();
  const coresOfEach = instanceTypes.map((type) => (type === AUTO ? AUTO_CORES : coresOf(type)));
  const cores = coresOfEach.filter((count) => count !== undefined);
  return cores.length === 0 ? undefined : Math.min(...cores);
}

/** The controller lock of the cluster. On one machine a holder whose process has ended is replaced at once. */
export function openLock(cloud: Cloud, holder: string, { lockTtlMs }: ControllerTiming): LockKeeper {
  return new LockKeeper({
    store: cloud.output,
    holder,
    clock: systemClock,
    ttlMs: lockTtlMs,
    processes: cloud.processes,
  });
}

export interface ControllerParts {
  cloud: Cloud;
  /** Changes `policy` and what else a person may change. Absent: the settings stay as they are. */
  live?: ClusterSettingsSource & { readonly settings: RunSettings };
  settings: RunSettings;
  policy: PolicySettings;
  timing: ControllerTiming;
  lock: LockKeeper;
  holder: string;
  fleet: Pick<OpenedFleet, 'driver' | 'name'>;
  goesOn?: boolean;
  log: Log;
}

/** The controller of a cluster, for `imgcls scale` and for commands that wait on one machine. */
export function openController(parts: ControllerParts) {
  const { cloud, live, policy, timing, lock, holder, fleet, goesOn, log } = parts;
  const { output } = cloud;
  const forecaster = openForecaster(parts);
  const present = () => live?.settings ?? parts.settings;
  return new Controller({
    lock,
    driver: fleet.driver,
    observer: new Observer({
      output,
      requests: cloud.queues.open(requestQueueName(cloud.cluster)),
      interactive: cloud.queues.open(interactiveQueueName(cloud.cluster)),
      driver: fleet.driver,
      prior: {
        get imagesPerSecond() {
          return present().imagesPerSecond;
        },
        bootMs: BOOT_MS[cloud.kind],
      },
      readModelCosts: async () => msPerImageOf(await readModelRates(output), workerCores(present())),
      restingListEveryMs: timing.restingListEveryMs,
      clock: systemClock,
    }),
    reports: {
      read: () => findReport(output),
      write: (report) => writeReport(output, report),
      readJobCost: (job) => findJobCost(output, job),
      writeJobCosts: (byJobUsd) => writeJobCosts(output, { byJobUsd }),
      readHistory: () => readHistory(output),
      writeHistory: (history) => writeHistory(output, history),
    },
    get forecaster() {
      return isForecastUsed(present(), policy) ? forecaster : undefined;
    },
    settings: policy,
    ...(live && { clusterSettings: live }),
    get bootDeadlineMs() {
      return 1000 * present().bootDeadlineSeconds;
    },
    goesOn,
    reportEveryMs: timing.reportEveryMs,
    holder,
    driverName: fleet.name,
    clock: systemClock,
    log,
  });
}

/** False if nothing depends on a forecast: it is off, or the policy or the limits fix the number of machines. */
const isForecastUsed = ({ forecast }: RunSettings, { policy, min, max }: PolicySettings): boolean =>
  forecast === 'on' && policy === 'backlog' && min < max;

function openForecaster({ cloud: { output }, log }: ControllerParts): Forecaster {
  return new Forecaster({
    read: () => findArrivals(output),
    write: (arrivals) => writeArrivals(output, arrivals),
    clock: systemClock,
    log,
  });
}

/** The policy's settings, in its units (milliseconds and US dollars). */
export async function policySettings(
  cloud: Pick<Cloud, 'kind'>,
  settings: RunSettings,
  driver: Pick<FleetDriver, 'hourlyUsd'>,
): Promise<PolicySettings> {
  return {
    policy: settings.fleet === 'none' ? 'none' : settings.policy,
    min: settings.min,
    max: maxWorkers(cloud, settings),
    maxLaunchPerTick: settings.maxLaunchPerTick,
    cooldownMs: 1000 * settings.cooldownSeconds,
    idleMs: settings.idleSeconds === undefined ? undefined : 1000 * settings.idleSeconds,
    targetMs: 1000 * settings.targetSeconds,
    billingMinimumMs: cloud.kind === 'aws' ? EC2_BILLING_MINIMUM_MS : 0,
    hourlyUsd: await driver.hourlyUsd(),
    maxHourlyCostUsd: settings.maxHourlyCost,
    maxJobCostUsd: settings.maxJobCost,
  };
}

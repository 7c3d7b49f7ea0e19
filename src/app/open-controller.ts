// Builds what a controller stands on: the fleet driver that the settings ask for, and the controller itself.

import { availableParallelism, hostname } from 'node:os';
import path from 'node:path';
import type { Cloud } from '../core/cloud/ports.ts';
import type { ControllerTiming } from '../core/fleet/controller-timing.ts';
import { writeJobCosts } from '../core/job/job-cost.ts';
import { interactiveQueueName, requestQueueName } from '../core/job/keys.ts';
import type { Log } from '../core/runtime/log.ts';
import { environmentName, isSecret, settingNames } from '../core/settings/settings.ts';
import { Controller } from '../scaler/controller.ts';
import { createProcessFleet, runnersPerWorker } from '../scaler/drivers/process.ts';
import { processesOfThisMachine } from '../scaler/drivers/processes.ts';
import type { FleetDriver } from '../scaler/fleet.ts';
import { readHistory, writeHistory } from '../scaler/history.ts';
import { LockKeeper } from '../scaler/lock.ts';
import { Observer } from '../scaler/observe.ts';
import type { PolicySettings } from '../scaler/policy/policy.ts';
import { readReport, writeReport } from '../scaler/report.ts';
import type { OpenFleet } from './open-fleet.ts';
import { packageFile } from './package-files.ts';
import type { RunSettings } from './settings.ts';
import { systemClock } from './system-clock.ts';
import { newWorkerId } from './worker-id.ts';

/** Where the settings name no limit. On one machine a worker a core. */
const DEFAULT_MAX = 4;
const LOCAL_TICK_MS = 1000;
const AWS_TICK_MS = 5000;
const EC2_BILLING_MINIMUM_MS = 60_000;
/** How long a machine boots, until it was measured. EC2: the figure of arXiv 2305.01634. */
export const BOOT_MS = { aws: 71_530, local: 2000 };

export const mostWorkers = (cloud: Pick<Cloud, 'kind'>, { max }: RunSettings): number =>
  max ?? (cloud.kind === 'local' ? availableParallelism() : DEFAULT_MAX);

export async function openFleet(cloud: Cloud, settings: RunSettings): Promise<OpenFleet> {
  if (cloud.kind === 'local') {
    const driver = openProcessFleet(cloud, settings, mostWorkers(cloud, settings));
    return { driver, name: 'process', tickMs: LOCAL_TICK_MS };
  }
  if (settings.fleet === 'asg') {
    const { openAsgFleet } = await import('./open-asg-fleet.ts');
    return { driver: await openAsgFleet(settings), name: 'asg', tickMs: AWS_TICK_MS };
  }
  const { openEc2Fleet } = await import('./open-ec2-fleet.ts');
  return { driver: await openEc2Fleet(settings), name: 'ec2', tickMs: AWS_TICK_MS };
}

/** Workers as processes of this machine, so many cores for each that `max` of them fill it. */
export function openProcessFleet(cloud: Cloud, settings: RunSettings, max: number) {
  const bin = packageFile('bin/imgcls.js');
  const runners = settings.runners ?? runnersPerWorker(availableParallelism(), max);
  return createProcessFleet({
    output: cloud.output,
    command: [process.execPath, bin, 'worker', '--managed', '--runners', String(runners)],
    env: { ...process.env, ...settingsEnvironment(settings) },
    logDir: path.join(settings.dataDir, settings.cluster, 'logs'),
    host: hostname(),
    hourlyUsd: settings.pricePerHour ?? 0,
    clock: systemClock,
    random: Math.random,
    newWorkerId,
  });
}

/** The controller lock of the cluster. Of one machine's holders it is known at once when they have ended. */
export function openLock(cloud: Cloud, holder: string, { lockTtlMs }: ControllerTiming): LockKeeper {
  const processes = cloud.kind === 'local' ? processesOfThisMachine() : undefined;
  return new LockKeeper({
    store: cloud.output,
    holder,
    clock: systemClock,
    ttlMs: lockTtlMs,
    ...(processes && { processes }),
  });
}

export interface ControllerParts {
  cloud: Cloud;
  settings: RunSettings;
  policy: PolicySettings;
  timing: ControllerTiming;
  lock: LockKeeper;
  holder: string;
  fleet: Pick<OpenFleet, 'driver' | 'name'>;
  log: Log;
}

export function openController(parts: ControllerParts) {
  const { cloud, settings, policy, timing, lock, holder, fleet, log } = parts;
  const { output } = cloud;
  return new Controller({
    lock,
    driver: fleet.driver,
    observer: new Observer({
      output,
      requests: cloud.queues.open(requestQueueName(cloud.cluster)),
      interactive: cloud.queues.open(interactiveQueueName(cloud.cluster)),
      driver: fleet.driver,
      prior: { imagesPerSecond: settings.imagesPerSecond, bootMs: BOOT_MS[cloud.kind] },
      restingListEveryMs: timing.restingListEveryMs,
      clock: systemClock,
    }),
    reports: {
      read: () => readReport(output),
      write: (report) => writeReport(output, report),
      writeJobCosts: (byJobUsd) => writeJobCosts(output, { byJobUsd }),
      readHistory: () => readHistory(output),
      writeHistory: (history) => writeHistory(output, history),
    },
    settings: policy,
    bootDeadlineMs: 1000 * settings.bootDeadlineSeconds,
    reportEveryMs: timing.reportEveryMs,
    holder,
    driverName: fleet.name,
    clock: systemClock,
    log,
  });
}

/** The settings of the policy, in its own units. */
export async function policySettings(
  cloud: Pick<Cloud, 'kind'>,
  settings: RunSettings,
  driver: Pick<FleetDriver, 'hourlyUsd'>,
): Promise<PolicySettings> {
  return {
    policy: settings.policy,
    min: settings.min,
    max: mostWorkers(cloud, settings),
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

/** A worker works with the settings of the process that launched it, wherever those came from. */
function settingsEnvironment(settings: RunSettings): Record<string, string> {
  const given = settingNames.filter((name) => settings[name] !== undefined && !isSecret(name));
  return Object.fromEntries(given.map((name) => [environmentName(name), String(settings[name])]));
}

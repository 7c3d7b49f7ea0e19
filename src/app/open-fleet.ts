// Opens the fleet driver that the settings name: worker processes of this machine, EC2 instances or an Auto Scaling group.

import { availableParallelism, hostname } from 'node:os';
import path from 'node:path';
import type { Cloud } from '../core/cloud/ports.ts';
import { environmentName, isSecret, settingNames } from '../core/settings/settings.ts';
import { noFleet } from '../scaler/drivers/none.ts';
import { createProcessFleet, runnersPerWorker } from '../scaler/drivers/process.ts';
import type { FleetDriver } from '../scaler/fleet.ts';
import { packageFile } from './package-files.ts';
import type { RunSettings } from './settings.ts';
import { systemClock } from './system-clock.ts';
import { newWorkerId } from './worker-id.ts';

/** A fleet driver with the facts that a controller needs about it. */
export interface OpenedFleet {
  driver: FleetDriver;
  name: string;
  /** Time between two ticks of the controller. */
  tickMs: number;
}

/** Default maximum number of workers on AWS; on one machine it is the number of cores. */
const DEFAULT_MAX = 4;
const LOCAL_TICK_MS = 1000;
const AWS_TICK_MS = 5000;

/** The largest fleet that the settings allow. */
export function maxWorkers(cloud: Pick<Cloud, 'kind'>, { max, fleet }: RunSettings): number {
  if (fleet === 'none') return 0;
  return max ?? (cloud.kind === 'local' ? availableParallelism() : DEFAULT_MAX);
}

/** The fleet of `imgcls scale`. @throws {ImgclsError} of kind `config` when the fleet's settings are wrong. */
export async function openFleet(cloud: Cloud, settings: RunSettings): Promise<OpenedFleet> {
  if (cloud.kind === 'local') {
    const driver = openProcessFleet(cloud, settings, maxWorkers(cloud, settings));
    return { driver, name: 'process', tickMs: LOCAL_TICK_MS };
  }
  if (settings.fleet === 'none') return { driver: noFleet, name: 'none', tickMs: AWS_TICK_MS };
  if (settings.fleet === 'asg') {
    const { openAsgFleet } = await import('./open-asg-fleet.ts');
    return { driver: await openAsgFleet(settings), name: 'asg', tickMs: AWS_TICK_MS };
  }
  const { openEc2Fleet } = await import('./open-ec2-fleet.ts');
  return { driver: await openEc2Fleet(settings), name: 'ec2', tickMs: AWS_TICK_MS };
}

/** A fleet of worker processes on this machine. `max` workers share its cores evenly. */
export function openProcessFleet(cloud: Cloud, settings: RunSettings, max: number) {
  const bin = packageFile('bin/imgcls.js');
  const runners = settings.runners ?? runnersPerWorker(availableParallelism(), max);
  return createProcessFleet({
    output: cloud.output,
    command: [process.execPath, bin, 'worker', '--managed', '--runners', String(runners)],
    env: workerEnvironment(process.env, settings),
    logDir: path.join(settings.dataDir, settings.cluster, 'logs'),
    host: hostname(),
    hourlyUsd: settings.pricePerHour ?? 0,
    clock: systemClock,
    newWorkerId,
  });
}

/**
 * Workers inherit environment and settings of the process that launches them, whatever the source of a setting. They get no
 * secret setting: none uses one. They keep credentials of AWS, to read the images of `upload s3://BUCKET/` in place.
 */
function workerEnvironment(env: NodeJS.ProcessEnv, settings: RunSettings): NodeJS.ProcessEnv {
  const secrets = new Set(settingNames.filter(isSecret).map(environmentName));
  const names = settingNames.filter((name) => settings[name] !== undefined && !isSecret(name));
  return {
    ...Object.fromEntries(Object.entries(env).filter(([name]) => !secrets.has(name))),
    ...Object.fromEntries(names.map((name) => [environmentName(name), String(settings[name])])),
  };
}

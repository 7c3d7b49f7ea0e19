// Opens the fleet driver that the settings name: worker processes of this machine, EC2 instances or an Auto Scaling group.

import { availableParallelism, hostname } from 'node:os';
import path from 'node:path';
import type { Cloud } from '../core/cloud/ports.ts';
import { environmentName, isSecret, settingNames } from '../core/settings/settings.ts';
import { noFleet } from '../scaler/drivers/none.ts';
import { createProcessFleet, type ProcessFleetOptions, runnersPerWorker } from '../scaler/drivers/process.ts';
import type { AdjustableFleet } from './adjustable-fleet.ts';
import { packageFile } from './package-files.ts';
import type { RunSettings } from './settings.ts';
import { systemClock } from './system-clock.ts';
import { newWorkerId } from './worker-id.ts';

/** A fleet driver with the facts that a controller needs about it. */
export interface OpenedFleet extends AdjustableFleet {
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
    return openProcessFleet(cloud, settings, maxWorkers);
  }
  if (settings.fleet === 'none')
    return { driver: noFleet, name: 'none', tickMs: AWS_TICK_MS, use: async () => {} };
  if (settings.fleet === 'asg') {
    const { openAsgFleet } = await import('./open-asg-fleet.ts');
    return { ...(await openAsgFleet(settings)), name: 'asg', tickMs: AWS_TICK_MS };
  }
  const { openEc2Fleet } = await import('./open-ec2-fleet.ts');
  return { ...(await openEc2Fleet(settings)), name: 'ec2', tickMs: AWS_TICK_MS };
}

/**
 * A fleet of worker processes on this machine.
 * @param maxOf the largest fleet by the settings. Its workers share the cores evenly.
 */
export function openProcessFleet(
  cloud: Cloud,
  settings: RunSettings,
  maxOf: (cloud: Cloud, settings: RunSettings) => number,
): OpenedFleet {
  const optionsFor = (present: RunSettings): ProcessFleetOptions => ({
    output: cloud.output,
    command: workerCommand(present, maxOf(cloud, present)),
    env: workerEnvironment(process.env, settings),
    logDir: path.join(settings.dataDir, settings.cluster, 'logs'),
    host: hostname(),
    hourlyUsd: present.pricePerHour ?? 0,
    clock: systemClock,
    newWorkerId,
  });
  const options = optionsFor(settings);
  return {
    driver: createProcessFleet(options),
    name: 'process',
    tickMs: LOCAL_TICK_MS,
    use: async (present) => void Object.assign(options, optionsFor(present)),
  };
}

function workerCommand({ runners }: RunSettings, max: number): string[] {
  const ofEach = runners ?? runnersPerWorker(availableParallelism(), max);
  const bin = packageFile('bin/imgcls.js');
  return [process.execPath, bin, 'worker', '--managed', '--runners', String(ofEach)];
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

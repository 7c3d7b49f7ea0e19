// Turns the flags of `imgcls deploy` into parameters of the template.

import { ImgclsError } from '../../core/runtime/errors.ts';
import type { RequestedParameter } from '../../deploy/parameters.ts';

export interface ParameterFlags {
  vpc?: string;
  subnets?: string;
  network?: string;
  instanceType?: string;
  image?: string;
  max?: number;
  fleet?: string;
  model?: string;
  controller?: boolean;
  withWeb?: boolean;
  webType?: string;
  certificate?: string;
  webCidr?: string;
  webScheme?: string;
  webSubnets?: string;
  readBucket?: string[];
  alarmEmail?: string;
  dailySpend?: number;
  keepInputs?: number;
  parameter?: string[];
}

export interface DeployFlags extends ParameterFlags {
  cluster?: string;
  dataDir?: string;
  region?: string;
  template?: string;
  settings?: string;
  dryRun?: boolean;
  yes?: boolean;
}

const PARAMETERS = {
  vpc: 'VpcId',
  subnets: 'SubnetIds',
  network: 'Network',
  instanceType: 'InstanceType',
  image: 'WorkerImageId',
  max: 'MaxWorkers',
  fleet: 'Fleet',
  model: 'Model',
  controller: 'WithController',
  withWeb: 'WithWeb',
  webType: 'WebInstanceType',
  certificate: 'WebCertificateArn',
  webCidr: 'WebIngressCidr',
  webScheme: 'WebScheme',
  webSubnets: 'WebSubnetIds',
  readBucket: 'ReadBuckets',
  alarmEmail: 'AlarmEmail',
  dailySpend: 'DailySpendLimitUsd',
  keepInputs: 'InputExpiryDays',
} as const;

/** @throws {ImgclsError} of kind `usage` when a --parameter is malformed or repeats a flag. */
export function requestedParameters(flags: ParameterFlags): RequestedParameter[] {
  const wanted: RequestedParameter[] = [];
  for (const [name, parameter] of Object.entries(PARAMETERS)) {
    const value = flags[name as keyof typeof PARAMETERS];
    if (value !== undefined) wanted.push({ flag: flagOf(name), parameter, value: String(value) });
  }
  for (const text of flags.parameter ?? []) {
    const [, parameter, value] = /^([A-Za-z0-9]+)=(.*)$/s.exec(text) ?? [];
    if (parameter === undefined || value === undefined)
      throw new ImgclsError('usage', `--parameter must be NAME=VALUE, not ${text}.`);
    const other = wanted.find((each) => each.parameter === parameter);
    if (other !== undefined)
      throw new ImgclsError('usage', `Both ${other.flag} and --parameter ${text} set ${parameter}.`);
    wanted.push({ flag: '--parameter', parameter, value });
  }
  return wanted;
}

const flagOf = (name: string): string =>
  `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

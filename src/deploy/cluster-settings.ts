/** The settings of a cluster that was deployed, by which every other command finds it. */

import type { Stack } from '../core/aws-account/stacks.ts';
import { ImgclsError } from '../core/runtime/errors.ts';

export type SettingValues = Readonly<Record<string, unknown>>;

/** Settings that `imgcls deploy` writes; those that a cluster has no value for are taken out. */
const WRITTEN = [
  'cloud',
  'cluster',
  'inputBucket',
  'outputBucket',
  'model',
  'max',
  'subnets',
  'fleet',
  'autoScalingGroup',
  'launchTemplate',
] as const;

/** @throws {ImgclsError} where the stack does not say what its buckets are. */
export function clusterSettings(cluster: string, { name, outputs, parameters }: Stack): SettingValues {
  const { InputBucket, OutputBucket, LaunchTemplateId, AutoScalingGroupName } = outputs;
  if (InputBucket === undefined || OutputBucket === undefined) {
    throw new ImgclsError('permanent', `Stack ${name} has no outputs InputBucket and OutputBucket.`, {
      hint: 'A template for --template needs the outputs of the one that comes with imgcls (deploy/cloudformation/imgcls.yaml).',
    });
  }
  const { Model, MaxWorkers, SubnetIds } = parameters;
  const isAsg = AutoScalingGroupName !== undefined;
  return {
    cloud: 'aws',
    cluster,
    inputBucket: InputBucket,
    outputBucket: OutputBucket,
    ...(Model !== undefined && { model: Model }),
    ...(MaxWorkers !== undefined && { max: Number(MaxWorkers) }),
    // A group has subnets of its own.
    ...(!isAsg && SubnetIds !== undefined && { subnets: SubnetIds.split(',') }),
    ...(isAsg && { fleet: 'asg', autoScalingGroup: AutoScalingGroupName }),
    // An update makes a new version, and the default version stays the first.
    ...(!isAsg && LaunchTemplateId !== undefined && { launchTemplate: `${LaunchTemplateId}:$Latest` }),
  };
}

/** The file's settings with those of the cluster in their places. */
export function withCluster(file: SettingValues, cluster: SettingValues): SettingValues {
  const others = Object.entries(file).filter(([name]) => !WRITTEN.some((written) => written === name));
  return { ...Object.fromEntries(others), ...cluster };
}

/** The file's settings without those of the cluster; undefined where they are not in it. */
export function withoutCluster(
  file: SettingValues,
  { inputBucket }: SettingValues,
): SettingValues | undefined {
  if (inputBucket === undefined || file.inputBucket !== inputBucket) return undefined;
  return withCluster(file, {});
}

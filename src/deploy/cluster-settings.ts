// The settings by which other commands find a deployed cluster.

import type { Stack } from '../core/aws-account/stacks.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import { CLUSTER_RESOURCES } from '../core/settings/settings.ts';

export type SettingValues = Readonly<Record<string, unknown>>;

/** Settings that `imgcls deploy` writes. It removes those that the cluster has no value for. */
const WRITTEN = ['cloud', 'cluster', 'model', 'max', ...CLUSTER_RESOURCES] as const;

/** @throws {ImgclsError} when the stack does not output its bucket names. */
export function clusterSettings(cluster: string, { name, outputs, parameters }: Stack): SettingValues {
  const { InputBucket, OutputBucket, LaunchTemplateId, AutoScalingGroupName, ControllerFunctionName } =
    outputs;
  if (InputBucket === undefined || OutputBucket === undefined) {
    throw new ImgclsError('permanent', `Stack ${name} has no outputs InputBucket and OutputBucket.`, {
      hint: 'A template for --template needs the outputs of the template of imgcls (deploy/cloudformation/imgcls.yaml).',
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
    // An Auto Scaling group has its own subnets.
    ...(!isAsg && SubnetIds !== undefined && { subnets: SubnetIds.split(',') }),
    ...(isAsg && { fleet: 'asg', autoScalingGroup: AutoScalingGroupName }),
    // A stack update creates a new version, but the default version stays the first.
    ...(!isAsg && LaunchTemplateId !== undefined && { launchTemplate: `${LaunchTemplateId}:$Latest` }),
    ...(ControllerFunctionName !== undefined && { controllerFunction: ControllerFunctionName }),
  };
}

/** The file's settings, with the cluster's in place of those of another cluster. */
export function withCluster(file: SettingValues, cluster: SettingValues): SettingValues {
  const others = Object.entries(file).filter(([name]) => !WRITTEN.some((written) => written === name));
  return { ...Object.fromEntries(others), ...cluster };
}

/** The file's settings without the cluster's; undefined when the file is for another cluster. */
export function withoutCluster(
  file: SettingValues,
  { inputBucket }: SettingValues,
): SettingValues | undefined {
  if (inputBucket === undefined || file.inputBucket !== inputBucket) return undefined;
  return withCluster(file, {});
}

import {
  type AutoScalingClient,
  type AutoScalingGroup,
  CreateOrUpdateTagsCommand,
  DescribeAutoScalingGroupsCommand,
  DescribeScalingActivitiesCommand,
  type Instance,
  paginateDescribeWarmPool,
  SetDesiredCapacityCommand,
  TerminateInstanceInAutoScalingGroupCommand,
} from '@aws-sdk/client-auto-scaling';
import type {
  AutoScaling,
  CapacityAfter,
  GroupInstance,
  ScalingGroup,
} from '../core/aws-account/auto-scaling.ts';
import { ImgclsError, isTransient } from '../core/runtime/errors.ts';
import { hasCode } from './errors.ts';
import { calling, retrying, systemTiming, type Timing } from './retry.ts';

/** They come newest first, and other activities stand between the launches. */
const ACTIVITIES = 20;

/** Error codes after which Auto Scaling has changed nothing. */
const REFUSALS = [
  'Throttling',
  'ThrottlingException',
  'RequestLimitExceeded',
  'ResourceContention',
  'ScalingActivityInProgress',
];

/** The AutoScaling port over the SDK, whose client sends each request once. */
export function createAutoScaling(client: AutoScalingClient, timing: Timing = systemTiming): AutoScaling {
  /** Retries calls that are safe to repeat: they read, or set a desired state. */
  const repeatable = <T>(what: string, send: () => Promise<T>): Promise<T> =>
    retrying(timing, undefined, isTransient, () => calling(what, undefined, send));

  return {
    async group(name) {
      const { AutoScalingGroups: [group] = [] } = await repeatable(
        `read Auto Scaling group ${name} (autoscaling:DescribeAutoScalingGroups)`,
        () => client.send(new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [name] })),
      );
      if (group === undefined) throw noSuchGroup(name);
      const hasWarmPool = group.WarmPoolConfiguration !== undefined;
      return toGroup(name, group, hasWarmPool ? await warmInstances(name) : []);
    },
    tagLaunches: (name, tags) =>
      apply(`tag Auto Scaling group ${name} (autoscaling:CreateOrUpdateTags)`, () =>
        client.send(new CreateOrUpdateTagsCommand({ Tags: toTags(name, tags) })),
      ),
    setDesired: (name, desired) =>
      apply(
        `set the desired capacity of Auto Scaling group ${name} to ${desired} (autoscaling:SetDesiredCapacity)`,
        () =>
          client.send(
            new SetDesiredCapacityCommand({ AutoScalingGroupName: name, DesiredCapacity: desired }),
          ),
      ),
    end: (id, capacity) => retrying(timing, undefined, isRefusal, () => endInGroup(client, id, capacity)),
    async lastLaunchFailure(name) {
      const { Activities = [] } = await repeatable(
        `read the activities of Auto Scaling group ${name} (autoscaling:DescribeScalingActivities)`,
        () =>
          client.send(
            new DescribeScalingActivitiesCommand({ AutoScalingGroupName: name, MaxRecords: ACTIVITIES }),
          ),
      );
      const last = Activities.find(({ Description = '' }) => Description.startsWith('Launching'));
      const hasFailed = last?.StatusCode === 'Failed' || last?.StatusCode === 'Cancelled';
      return hasFailed ? (last.StatusMessage ?? last.StatusCode) : undefined;
    },
  };

  async function apply(what: string, send: () => Promise<unknown>): Promise<void> {
    await repeatable(what, send);
  }

  function warmInstances(name: string): Promise<Instance[]> {
    return repeatable(`read the warm pool of ${name} (autoscaling:DescribeWarmPool)`, async () => {
      const found: Instance[] = [];
      for await (const { Instances = [] } of paginateDescribeWarmPool(
        { client },
        { AutoScalingGroupName: name },
      ))
        found.push(...Instances);
      return found;
    });
  }
}

/** Makes one attempt. A missing instance counts as terminated: Auto Scaling reports it by a message, without a code. */
export async function endInGroup(
  client: AutoScalingClient,
  id: string,
  capacity: CapacityAfter,
): Promise<void> {
  try {
    await calling(
      `terminate instance ${id} (autoscaling:TerminateInstanceInAutoScalingGroup)`,
      undefined,
      () =>
        client.send(
          new TerminateInstanceInAutoScalingGroupCommand({
            InstanceId: id,
            ShouldDecrementDesiredCapacity: capacity === 'lower',
          }),
        ),
    );
  } catch (error) {
    if (!isRefusedBecause(error, /instance id not found/i)) throw error;
  }
}

/** Whether Auto Scaling rejected the request with a message that matches `pattern`. */
export const isRefusedBecause = (error: unknown, pattern: RegExp): boolean =>
  error instanceof ImgclsError && hasCode(error.cause, 'ValidationError') && pattern.test(error.message);

const isRefusal = (error: unknown): boolean =>
  error instanceof ImgclsError && hasCode(error.cause, ...REFUSALS);

const noSuchGroup = (name: string): ImgclsError =>
  new ImgclsError('config', `No Auto Scaling group ${name} found in this region.`, {
    hint: 'Set AWS_REGION to the region of the group. "aws autoscaling describe-auto-scaling-groups" lists groups.',
  });

function toGroup(name: string, group: AutoScalingGroup, warm: readonly Instance[]): ScalingGroup {
  const { MinSize = 0, MaxSize = 0, DesiredCapacity = 0, Instances = [], Tags = [] } = group;
  const { LaunchTemplateSpecification, Overrides = [] } = group.MixedInstancesPolicy?.LaunchTemplate ?? {};
  const template = group.LaunchTemplate ?? LaunchTemplateSpecification;
  const { DesiredCapacityType = 'units', SuspendedProcesses = [] } = group;
  const hasWeights = Overrides.some(({ WeightedCapacity = '1' }) => WeightedCapacity !== '1');
  const otherUnit = DesiredCapacityType === 'units' ? undefined : DesiredCapacityType;
  return {
    name,
    min: MinSize,
    max: MaxSize,
    desired: DesiredCapacity,
    instances: [...Instances, ...warm].map(toInstance),
    tags: Object.fromEntries(Tags.map(({ Key = '', Value = '' }) => [Key, Value])),
    isLaunchSuspended: SuspendedProcesses.some(({ ProcessName }) => ProcessName === 'Launch'),
    template:
      template &&
      `${template.LaunchTemplateId ?? template.LaunchTemplateName}:${template.Version ?? '$Default'}`,
    instanceTypes: Overrides.flatMap(({ InstanceType }) => InstanceType ?? []),
    choosesTypes: Overrides.some(({ InstanceRequirements }) => InstanceRequirements !== undefined),
    otherUnit: hasWeights ? 'weights' : otherUnit,
  };
}

const toInstance = (instance: Instance): GroupInstance => ({
  id: instance.InstanceId ?? '',
  type: instance.InstanceType ?? '',
  zone: instance.AvailabilityZone ?? '',
  lifecycle: instance.LifecycleState ?? 'Pending',
});

const toTags = (name: string, tags: Readonly<Record<string, string>>) =>
  Object.entries(tags).map(([Key, Value]) => ({
    ResourceId: name,
    ResourceType: 'auto-scaling-group',
    Key,
    Value,
    PropagateAtLaunch: true,
  }));

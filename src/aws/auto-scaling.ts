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

/** Newest first; those of other kinds stand between the launches. */
const ACTIVITIES = 20;

/** Answers that say that nothing was done. */
const REFUSALS = [
  'Throttling',
  'ThrottlingException',
  'RequestLimitExceeded',
  'ResourceContention',
  'ScalingActivityInProgress',
];

/** Auto Scaling's verbs over the SDK, whose client sends each request once. */
export function createAutoScaling(client: AutoScalingClient, timing: Timing = systemTiming): AutoScaling {
  /** For what may be done twice: it reads, or says how things shall be. */
  const again = <T>(what: string, send: () => Promise<T>): Promise<T> =>
    retrying(timing, undefined, isTransient, () => calling(what, undefined, send));

  return {
    async group(name) {
      const { AutoScalingGroups: [group] = [] } = await again(
        `read Auto Scaling group ${name} (autoscaling:DescribeAutoScalingGroups)`,
        () => client.send(new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [name] })),
      );
      if (group === undefined) throw noSuchGroup(name);
      const hasWarmPool = group.WarmPoolConfiguration !== undefined;
      return toGroup(name, group, hasWarmPool ? await warmInstances(name) : []);
    },
    tagLaunches: (name, tags) =>
      done(`tag Auto Scaling group ${name} (autoscaling:CreateOrUpdateTags)`, () =>
        client.send(new CreateOrUpdateTagsCommand({ Tags: toTags(name, tags) })),
      ),
    setDesired: (name, desired) =>
      done(
        `set the desired capacity of Auto Scaling group ${name} to ${desired} (autoscaling:SetDesiredCapacity)`,
        () =>
          client.send(
            new SetDesiredCapacityCommand({ AutoScalingGroupName: name, DesiredCapacity: desired }),
          ),
      ),
    end: (id, capacity) => retrying(timing, undefined, isRefusal, () => endInGroup(client, id, capacity)),
    async lastLaunchFailure(name) {
      const { Activities = [] } = await again(
        `read what Auto Scaling group ${name} did (autoscaling:DescribeScalingActivities)`,
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

  async function done(what: string, send: () => Promise<unknown>): Promise<void> {
    await again(what, send);
  }

  function warmInstances(name: string): Promise<Instance[]> {
    return again(`read the warm pool of ${name} (autoscaling:DescribeWarmPool)`, async () => {
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

/** One try. Auto Scaling has no code of its own for an instance that is not there. */
export async function endInGroup(
  client: AutoScalingClient,
  id: string,
  capacity: CapacityAfter,
): Promise<void> {
  try {
    await calling(`end instance ${id} (autoscaling:TerminateInstanceInAutoScalingGroup)`, undefined, () =>
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

/** Whether Auto Scaling found something wrong, and said so in such words. */
export const isRefusedBecause = (error: unknown, words: RegExp): boolean =>
  error instanceof ImgclsError && hasCode(error.cause, 'ValidationError') && words.test(error.message);

const isRefusal = (error: unknown): boolean =>
  error instanceof ImgclsError && hasCode(error.cause, ...REFUSALS);

const noSuchGroup = (name: string): ImgclsError =>
  new ImgclsError('config', `There is no Auto Scaling group ${name} in this region.`, {
    hint: '"aws autoscaling describe-auto-scaling-groups" lists them; AWS_REGION says which region is asked.',
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

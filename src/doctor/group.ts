// Checks whether an Auto Scaling group could launch workers.

import type { AutoScaling } from '../core/aws-account/auto-scaling.ts';
import { checkGroup } from '../scaler/drivers/asg-check.ts';
import { actionNeeded, type CheckResult, ok } from './check.ts';
import { type FleetCheckParts, unlessControlled } from './fleet.ts';
import { checkQuota } from './quota.ts';

export interface GroupParts extends FleetCheckParts {
  autoScaling: Pick<AutoScaling, 'group' | 'lastLaunchFailure'>;
  group: string;
  min: number;
}

/** Checks that the group exists, is large enough and launches instances. */
export const checkScalingGroup = (parts: GroupParts): Promise<CheckResult> =>
  unlessControlled(parts, async () => {
    const { autoScaling, ec2, group: name, min, max } = parts;
    const { types } = await checkGroup(autoScaling, ec2, { group: name, min });
    const group = await autoScaling.group(name);
    const failure = await autoScaling.lastLaunchFailure(name);
    if (group.isLaunchSuspended)
      return actionNeeded(
        `launching is suspended in group ${name}.`,
        `aws autoscaling resume-processes --auto-scaling-group-name ${name}`,
      );
    if (failure !== undefined)
      return actionNeeded(
        `the last launch of group ${name} failed: ${failure}`,
        `See all activities: aws autoscaling describe-scaling-activities --auto-scaling-group-name ${name}`,
      );
    if (group.max < max)
      return actionNeeded(
        `group ${name} allows at most ${group.max} instances, but the fleet may need ${max}.`,
        'Raise its MaxSize ("imgcls deploy --max"), or lower --max.',
      );
    return ok(`${name}: at most ${group.max} instances, ${types.join(', ') || 'types chosen by AWS'}`);
  });

/** Checks the vCPU quota for the group's instance types. */
export const checkGroupQuota = (parts: GroupParts): Promise<CheckResult> =>
  unlessControlled(parts, async () => {
    const { template, instanceTypes } = await parts.autoScaling.group(parts.group);
    return await checkQuota({ ...parts, template: template ?? '', instanceTypes });
  });

/** Whether workers could be launched by an Auto Scaling group. */
import type { AutoScaling } from '../core/aws-account/auto-scaling.ts';
import { checkGroup } from '../scaler/drivers/asg-check.ts';
import { actionNeeded, type CheckResult, ok } from './check.ts';
import { checkQuota, type FleetCheckParts, unlessControlled } from './fleet.ts';

export interface GroupParts extends FleetCheckParts {
  autoScaling: Pick<AutoScaling, 'group' | 'lastLaunchFailure'>;
  group: string;
  min: number;
}

/** The group is there, takes as many as the fleet may have, and launches. */
export const checkScalingGroup = (parts: GroupParts): Promise<CheckResult> =>
  unlessControlled(parts, async () => {
    const { autoScaling, ec2, group: name, min, max } = parts;
    const types = await checkGroup(autoScaling, ec2, { group: name, min });
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
        `The rest: aws autoscaling describe-scaling-activities --auto-scaling-group-name ${name}`,
      );
    if (group.max < max)
      return actionNeeded(
        `group ${name} takes at most ${group.max} instances, and the fleet may have ${max}.`,
        'Raise its MaxSize ("imgcls deploy --max"), or lower --max.',
      );
    return ok(`${name}: at most ${group.max} instances, ${types.join(', ') || 'of types that AWS chooses'}`);
  });

/** As for a launch template, of the types that the group names. */
export const checkGroupQuota = (parts: GroupParts): Promise<CheckResult> =>
  unlessControlled(parts, async () => {
    const { template, instanceTypes } = await parts.autoScaling.group(parts.group);
    return await checkQuota({ ...parts, template: template ?? '', instanceTypes });
  });

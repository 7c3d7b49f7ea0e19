import type { AutoScaling } from '../../core/aws-account/auto-scaling.ts';
import type { Ec2 } from '../../core/aws-account/ec2.ts';
import { ImgclsError } from '../../core/runtime/errors.ts';
import { checkEc2, type LaunchedMachines, plainImage } from './ec2-check.ts';

export interface GroupCheck {
  group: string;
  /** Workers that the controller keeps even without work. */
  min: number;
}

/**
 * Checks that the group can be a fleet, before the first launch.
 * @returns what it launches, without types if AWS chooses them.
 * @throws {ImgclsError} with what is wrong and what to do.
 */
export async function checkGroup(
  autoScaling: Pick<AutoScaling, 'group'>,
  ec2: Pick<Ec2, 'template' | 'types' | 'imageArchitecture'>,
  { group: name, min }: GroupCheck,
): Promise<LaunchedMachines> {
  const group = await autoScaling.group(name);
  if (group.otherUnit !== undefined) {
    throw new ImgclsError(
      'config',
      `Auto Scaling group ${name} counts ${group.otherUnit} instead of instances.`,
      { hint: 'Remove WeightedCapacity, and set the desired capacity type to units.' },
    );
  }
  if (group.min > min) {
    throw new ImgclsError(
      'config',
      `Auto Scaling group ${name} keeps at least ${group.min} instances (its MinSize), but --min is ${min}.`,
      { hint: `Lower its MinSize, or set --min ${group.min}.` },
    );
  }
  if (group.max < min) {
    throw new ImgclsError(
      'config',
      `Auto Scaling group ${name} takes at most ${group.max} instances (its MaxSize), but --min is ${min}.`,
      { hint: 'Raise its MaxSize, or lower --min.' },
    );
  }
  if (group.template === undefined) {
    throw new ImgclsError('config', `Auto Scaling group ${name} has no launch template.`, {
      hint: 'Replace its launch configuration with a launch template.',
    });
  }
  if (group.choosesTypes) {
    const { imageId, attached } = await ec2.template(group.template);
    return { types: [], image: plainImage(imageId), attached };
  }
  return await checkEc2(ec2, { template: group.template, instanceTypes: group.instanceTypes });
}

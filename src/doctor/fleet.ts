// Checks whether a fleet of EC2 instances could launch workers.

import type { Quotas } from '../core/aws-account/account.ts';
import type { Ec2, Ec2Launch, LaunchRehearsal, Pool } from '../core/aws-account/ec2.ts';
import { ImgclsError, messageOf } from '../core/runtime/errors.ts';
import { CLUSTER_TAG } from '../scaler/drivers/ec2.ts';
import { checkEc2 } from '../scaler/drivers/ec2-check.ts';
import { actionNeeded, type CheckResult, failed, ok, unknown } from './check.ts';

/** What the checks of both kinds of EC2 fleet need. */
export interface FleetCheckParts {
  ec2: Pick<Ec2, 'template' | 'types' | 'imageArchitecture'> & LaunchRehearsal;
  quotas: Quotas;
  cluster: string;
  max: number;
  onDemandPercentage: number;
  /** A controller is running. It launches instances by its own role, so this identity need not be able to. */
  isControlled(): boolean;
}

/** A fleet whose instances the controller launches from a launch template. */
export interface Ec2FleetParts extends FleetCheckParts {
  template: string;
  instanceTypes: readonly string[];
  /** Where to look for capacity, at least one. An empty pool stands for the launch template's own type and subnet. */
  pools: readonly Pool[];
}

/** A missing permission of this identity is no finding while a controller runs under its own role. */
export async function unlessControlled(
  parts: Pick<FleetCheckParts, 'isControlled'>,
  run: () => Promise<CheckResult>,
): Promise<CheckResult> {
  try {
    return await run();
  } catch (error) {
    const isTolerable = error instanceof ImgclsError && error.kind === 'permanent' && parts.isControlled();
    return isTolerable
      ? unknown(`${messageOf(error)} (the controller has its own permissions)`)
      : failed(error);
  }
}

/** Checks that the launch template, its instance types and its image exist and match. */
export const checkLaunchTemplate = (parts: Ec2FleetParts): Promise<CheckResult> =>
  unlessControlled(parts, async () => {
    const { ec2, template, instanceTypes } = parts;
    const { types, image } = await checkEc2(ec2, { template, instanceTypes });
    const architecture = image === undefined ? undefined : await ec2.imageArchitecture(image);
    if (image !== undefined && architecture === undefined)
      return actionNeeded(
        `image ${image} of ${template} no longer exists.`,
        'Build one with "imgcls ami build", then put it into the launch template with "imgcls deploy".',
      );
    return ok(
      `${template}: ${types.join(', ')} from ${image ?? 'its own image'}${architecture ? ` (${architecture})` : ''}`,
    );
  });

/** A dry run of the launch that a controller would request. */
export const checkLaunch = (parts: Ec2FleetParts): Promise<CheckResult> =>
  unlessControlled(parts, async () => {
    await parts.ec2.rehearse(rehearsal(parts));
    return ok('an instance could be launched');
  });

function rehearsal({ cluster, template, pools, onDemandPercentage }: Ec2FleetParts): Ec2Launch {
  const onDemand = onDemandPercentage > 0 ? 1 : 0;
  return {
    token: `imgcls-doctor-${cluster}`,
    template,
    pools,
    onDemand,
    spot: 1 - onDemand,
    tags: { [CLUSTER_TAG]: cluster },
  };
}

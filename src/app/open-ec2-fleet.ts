// Builds the fleet driver for EC2.

import { createEc2Client } from '../aws/clients.ts';
import { createEc2 } from '../aws/ec2.ts';
import type { Pool } from '../core/aws-account/ec2.ts';
import { priceOf } from '../core/money/prices.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import { createEc2Fleet } from '../scaler/drivers/ec2.ts';
import { checkEc2 } from '../scaler/drivers/ec2-check.ts';
import type { FleetDriver } from '../scaler/fleet.ts';
import type { RunSettings } from './settings.ts';
import { systemClock } from './system-clock.ts';

/** @throws {ImgclsError} of kind `config` when what is launched cannot be, or is not named. */
export async function openEc2Fleet(settings: RunSettings): Promise<FleetDriver> {
  const { launchTemplate, instanceTypes = [], subnets = [], pricePerHour } = settings;
  if (launchTemplate === undefined) {
    throw new ImgclsError('config', 'No launch template is named, so nothing can be launched on EC2.', {
      hint: 'Give --launch-template NAME (or IMGCLS_LAUNCH_TEMPLATE): its instances run "imgcls worker --managed".',
    });
  }
  const ec2 = createEc2(createEc2Client());
  const types = await checkEc2(ec2, { template: launchTemplate, instanceTypes });
  return createEc2Fleet({
    ec2,
    cluster: settings.cluster,
    template: launchTemplate,
    pools: poolsOf(instanceTypes, subnets),
    onDemandPercentage: settings.onDemandPercentage,
    warm: settings.warm,
    maxLifetimeMs: 1000 * settings.maxLifetimeSeconds,
    priceOf: (type, market) => priceOf(type, market, pricePerHour),
    types,
    clock: systemClock,
  });
}

/** Every type in every subnet; what is not named is the launch template's own. */
export function poolsOf(types: readonly string[], subnets: readonly string[]): Pool[] {
  const ofTypes: Pool[] = types.length > 0 ? types.map((instanceType) => ({ instanceType })) : [{}];
  if (subnets.length === 0) return ofTypes;
  return ofTypes.flatMap((pool) => subnets.map((subnet) => ({ ...pool, subnet })));
}

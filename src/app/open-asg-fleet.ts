// Builds the fleet driver for an EC2 Auto Scaling group.

import { createAutoScaling } from '../aws/auto-scaling.ts';
import { createAutoScalingClient, createEc2Client } from '../aws/clients.ts';
import { createEc2 } from '../aws/ec2.ts';
import { highestPrice, priceOf } from '../core/money/prices.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import { createAsgFleet } from '../scaler/drivers/asg.ts';
import { checkGroup } from '../scaler/drivers/asg-check.ts';
import type { FleetDriver } from '../scaler/fleet.ts';
import type { RunSettings } from './settings.ts';
import { systemClock } from './system-clock.ts';

/** @throws {ImgclsError} of kind `config` when there is no such group, or it cannot be our fleet. */
export async function openAsgFleet(settings: RunSettings): Promise<FleetDriver> {
  const { autoScalingGroup: group, pricePerHour } = settings;
  if (group === undefined) throw new ImgclsError('config', 'No Auto Scaling group is named.');
  refuseWhatIsTheGroups(settings);
  const autoScaling = createAutoScaling(createAutoScalingClient());
  const ec2 = createEc2(createEc2Client());
  const types = await checkGroup(autoScaling, ec2, { group, min: settings.min });
  return createAsgFleet({
    autoScaling,
    ec2,
    group,
    maxLifetimeMs: 1000 * settings.maxLifetimeSeconds,
    priceOf: (type, market) => priceOf(type, market, pricePerHour),
    hourlyUsd: pricePerHour ?? highestPrice(types.map((type) => priceOf(type, 'on-demand'))),
    clock: systemClock,
  });
}

/** Silently leaving out what somebody asked for would be worse. */
function refuseWhatIsTheGroups({ instanceTypes, subnets, warm }: RunSettings): void {
  const given = [
    ...(instanceTypes === undefined ? [] : ['--instance-types']),
    ...(subnets === undefined ? [] : ['--subnets']),
    ...(warm === 0 ? [] : ['--warm']),
  ];
  if (given.length === 0) return;
  throw new ImgclsError('config', `With --fleet asg the group decides, and not ${given.join(', ')}.`, {
    hint: 'Leave that out, and set it in the group: its mixed instances policy, subnets and warm pool.',
  });
}

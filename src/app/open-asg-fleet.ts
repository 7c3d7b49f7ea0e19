// Opens the fleet driver that sizes an EC2 Auto Scaling group, for `imgcls scale --fleet asg`.

import { createAutoScaling } from '../aws/auto-scaling.ts';
import { createAutoScalingClient, createEc2Client } from '../aws/clients.ts';
import { createEc2 } from '../aws/ec2.ts';
import { highestPrice, priceOf, priceWarnings } from '../core/money/prices.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import { type AsgFleetOptions, createAsgFleet } from '../scaler/drivers/asg.ts';
import { checkGroup } from '../scaler/drivers/asg-check.ts';
import type { AdjustableFleet } from './adjustable-fleet.ts';
import type { RunSettings } from './settings.ts';
import { systemClock } from './system-clock.ts';

/** @throws {ImgclsError} of kind `config` when the group does not exist or cannot serve as a fleet. */
export async function openAsgFleet(settings: RunSettings): Promise<AdjustableFleet> {
  const autoScaling = createAutoScaling(createAutoScalingClient());
  const client = createEc2Client();
  const ec2 = createEc2(client);
  const optionsFor = async (present: RunSettings): Promise<AsgFleetOptions> => {
    const group = groupOf(present);
    const { types, image, attached } = await checkGroup(autoScaling, ec2, { group, min: present.min });
    const prices = { override: present.pricePerHour, region: await client.config.region(), attached };
    return {
      autoScaling,
      ec2,
      group,
      maxLifetimeMs: 1000 * present.maxLifetimeSeconds,
      priceOf: (type, market) => priceOf(type, market, prices),
      priceWarnings: priceWarnings(types, prices),
      hourlyUsd: prices.override ?? highestPrice(types.map((type) => priceOf(type, 'on-demand', prices))),
      image,
      clock: systemClock,
    };
  };
  const options = await optionsFor(settings);
  return {
    driver: createAsgFleet(options),
    use: async (present) => void Object.assign(options, await optionsFor(present)),
  };
}

function groupOf(settings: RunSettings): string {
  if (settings.autoScalingGroup === undefined)
    throw new ImgclsError('config', 'No Auto Scaling group is set.', {
      hint: 'Set --auto-scaling-group NAME (or IMGCLS_AUTO_SCALING_GROUP).',
    });
  refuseGroupSettings(settings);
  return settings.autoScalingGroup;
}

/** An Auto Scaling group has these settings itself. Refuse them rather than ignore them. */
function refuseGroupSettings({ instanceTypes, subnets, warm }: RunSettings): void {
  const ignored = [
    ...(instanceTypes === undefined ? [] : ['--instance-types']),
    ...(subnets === undefined ? [] : ['--subnets']),
    ...(warm === 0 ? [] : ['--warm']),
  ];
  if (ignored.length === 0) return;
  throw new ImgclsError('config', `${ignored.join(', ')} cannot be used with --fleet asg.`, {
    hint: 'Set the mixed instances policy, the subnets and the warm pool of the Auto Scaling group instead.',
  });
}

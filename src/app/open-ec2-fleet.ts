// Opens the fleet driver that launches EC2 instances from a launch template, for `imgcls scale`.

import { createEc2Client } from '../aws/clients.ts';
import { createEc2 } from '../aws/ec2.ts';
import { priceOf, priceWarnings } from '../core/money/prices.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import { createEc2Fleet, type Ec2FleetOptions } from '../scaler/drivers/ec2.ts';
import { checkEc2 } from '../scaler/drivers/ec2-check.ts';
import { choosePools, onDemandPercentageOf, typesOf } from '../scaler/drivers/instance-choice.ts';
import type { AdjustableFleet } from './adjustable-fleet.ts';
import type { RunSettings } from './settings.ts';
import { systemClock } from './system-clock.ts';

/** @throws {ImgclsError} of kind `config` when no launch template is set, or its instances cannot run workers. */
export async function openEc2Fleet(settings: RunSettings): Promise<AdjustableFleet> {
  const { launchTemplate: template } = settings;
  if (template === undefined) {
    throw new ImgclsError('config', 'Cannot launch EC2 instances: no launch template is set.', {
      hint: 'Set --launch-template NAME (or IMGCLS_LAUNCH_TEMPLATE). Its instances must run "imgcls worker --managed".',
    });
  }
  const client = createEc2Client();
  const ec2 = createEc2(client);
  const optionsFor = async (present: RunSettings): Promise<Ec2FleetOptions> => {
    const { cluster, instanceTypes = [], subnets = [] } = present;
    const pools = await choosePools(ec2, { template, instanceTypes, subnets });
    const { types, image, attached } = await checkEc2(ec2, { template, instanceTypes: typesOf(pools) });
    const prices = { override: present.pricePerHour, region: await client.config.region(), attached };
    return {
      ec2,
      cluster,
      template,
      pools,
      onDemandPercentage: onDemandPercentageOf(present),
      warm: present.warm,
      maxLifetimeMs: 1000 * present.maxLifetimeSeconds,
      priceOf: (type, market, spotUsd) => priceOf(type, market, { ...prices, spotUsd }),
      spotPrices: prices.override === undefined ? ec2.spotPrices : undefined,
      priceWarnings: priceWarnings(types, prices),
      types,
      image,
      clock: systemClock,
    };
  };
  const options = await optionsFor(settings);
  return {
    driver: createEc2Fleet(options),
    use: async (present) => void Object.assign(options, await optionsFor(present)),
  };
}

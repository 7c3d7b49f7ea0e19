// What the load balancer of the page needs of the network.

import type { Stack } from '../core/aws-account/stacks.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import type { NetworkPlacement } from './network.ts';

/** A load balancer has subnets in so many zones. */
const MIN_ZONES = 2;

/** @throws {ImgclsError} when a load balancer cannot be in these subnets. */
export function refuseTooFewZones({ vpc, subnets }: NetworkPlacement): void {
  if (subnets.length >= MIN_ZONES) return;
  throw new ImgclsError(
    'usage',
    `The page needs subnets in ${MIN_ZONES} zones, but ${subnets.map(({ id, zone }) => `${id} (${zone})`).join(', ')} is the only one of ${vpc} that fits.`,
    { hint: 'Use --web-subnets, or other --subnets or --network.' },
  );
}

/** A load balancer cannot move to another VPC, and CloudFormation cannot replace one with the same name. */
export function refuseStrandedPage(stack: Stack | undefined, vpc: string): void {
  const before = stack?.parameters;
  if (before?.WithWeb !== 'true' || before.VpcId === vpc) return;
  throw new ImgclsError('usage', `The page cannot move from ${before.VpcId} to ${vpc}.`, {
    hint: 'Remove the page first (imgcls deploy --no-with-web), then move the cluster with --with-web. The page gets a new address and token.',
  });
}

// Chooses the VPC and the subnets of a cluster.

import type { Network, Subnet } from '../core/aws-account/account.ts';
import { ImgclsError } from '../core/runtime/errors.ts';

/** VPC endpoints that workers without a public address need. */
const NEEDED_ENDPOINTS = ['s3', 'sqs'];

export interface NetworkPlacement {
  vpc: string;
  subnets: string[];
}

/**
 * The requested subnets, or else all of the requested VPC, or else all of the default VPC.
 * @throws {ImgclsError} of kind `usage` when there are none, or when they belong to several VPCs.
 */
export async function chooseNetwork(
  network: Pick<Network, 'defaultVpc' | 'subnetsOf' | 'subnets'>,
  /** As in flags: ids, several subnets separated by commas. */
  wanted: { vpc?: string | undefined; subnets?: string | undefined },
): Promise<NetworkPlacement> {
  const ids = wanted.subnets?.split(',').map((id) => id.trim());
  const vpc = wanted.vpc ?? (ids === undefined ? await network.defaultVpc() : undefined);
  if (vpc === undefined && ids === undefined) {
    throw new ImgclsError('usage', 'The account has no default VPC in this region.', {
      hint: 'Use --vpc or --subnets. "aws ec2 describe-vpcs" lists VPCs, "aws ec2 create-default-vpc" creates a default one.',
    });
  }
  const subnets = ids === undefined ? await network.subnetsOf(vpc ?? '') : await network.subnets(ids);
  const [first] = subnets;
  if (first === undefined) throw noSubnets(vpc);
  const home = vpc ?? first.vpc;
  const elsewhere = subnets.filter((subnet) => subnet.vpc !== home);
  if (elsewhere.length > 0) throw severalVpcs(home, elsewhere);
  return { vpc: home, subnets: subnets.map(({ id }) => id).sort() };
}

const noSubnets = (vpc = '') =>
  new ImgclsError('usage', `No subnets found in ${vpc}.`, {
    hint: 'Use --subnets. "aws ec2 describe-subnets" lists the subnets of the region.',
  });

const severalVpcs = (vpc: string, elsewhere: readonly Subnet[]) =>
  new ImgclsError(
    'usage',
    `All subnets of a cluster must be in one VPC (${vpc}), but ${elsewhere.map((each) => `${each.id} is in ${each.vpc}`).join(', ')}.`,
    { hint: 'Use --subnets of one VPC. If you use --vpc, name that VPC.' },
  );

/**
 * Instances of a cluster have no public address, so their subnets need a route to S3 and SQS.
 * @throws {ImgclsError} of kind `usage` when some have none: workers would start there and never report.
 */
export async function requireServiceAccess(
  network: Pick<Network, 'withoutWayOut' | 'endpoints'>,
  { vpc, subnets }: NetworkPlacement,
): Promise<void> {
  const cutOff = await network.withoutWayOut(vpc, subnets);
  if (cutOff.length === 0) return;
  const present = await network.endpoints(vpc);
  if (NEEDED_ENDPOINTS.every((service) => present.includes(service))) return;
  throw new ImgclsError(
    'usage',
    `Instances in ${cutOff.join(', ')} could not reach S3 and SQS: they have no public address, and these subnets have no NAT route.`,
    {
      hint: 'Use --with-endpoints to create VPC endpoints (a few US cents per hour, endpoint and zone), or --subnets with a NAT gateway.',
    },
  );
}

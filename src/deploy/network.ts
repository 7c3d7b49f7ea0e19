/** In which VPC and subnets a cluster stands. */
import type { Network, Subnet } from '../core/aws-account/account.ts';
import { ImgclsError } from '../core/runtime/errors.ts';

/** What machines without a public address cannot do without. */
const NEEDED_ENDPOINTS = ['s3', 'sqs'];

export interface NetworkPlacement {
  vpc: string;
  subnets: string[];
}

/**
 * The subnets that are named, else all of the VPC that is named, else all of the default VPC.
 * @throws {ImgclsError} of kind `usage` where there are none, or where they are of several VPCs.
 */
export async function chooseNetwork(
  network: Pick<Network, 'defaultVpc' | 'subnetsOf' | 'subnets'>,
  /** As a person writes them: ids, those of subnets with commas between. */
  wanted: { vpc?: string | undefined; subnets?: string | undefined },
): Promise<NetworkPlacement> {
  const ids = wanted.subnets?.split(',').map((id) => id.trim());
  const vpc = wanted.vpc ?? (ids === undefined ? await network.defaultVpc() : undefined);
  if (vpc === undefined && ids === undefined) {
    throw new ImgclsError('usage', 'This region of the account has no default VPC.', {
      hint: 'Name one with --vpc, or subnets with --subnets; "aws ec2 describe-vpcs" lists those there are, "aws ec2 create-default-vpc" makes one.',
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
  new ImgclsError('usage', `There is no subnet in ${vpc}.`, {
    hint: '"aws ec2 describe-subnets" lists those of the region; name some with --subnets.',
  });

const severalVpcs = (vpc: string, elsewhere: readonly Subnet[]) =>
  new ImgclsError(
    'usage',
    `A cluster stands in one VPC, ${vpc}, and ${elsewhere.map((each) => `${each.id} is in ${each.vpc}`).join(', ')}.`,
    { hint: 'Give --subnets of one VPC, and --vpc, if at all, the same.' },
  );

/**
 * Machines of a cluster have no public address: their subnets need a way to S3 and SQS.
 * @throws {ImgclsError} of kind `usage` where some have none, so that workers would start and never say a word.
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
    `Machines in ${cutOff.join(', ')} could not reach S3 and SQS: they get no public address, and those subnets have no route by NAT.`,
    {
      hint: '--with-endpoints makes VPC endpoints (a few US cents an hour each and zone), or --subnets names subnets with a NAT gateway.',
    },
  );
}

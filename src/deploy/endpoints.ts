// Plans the VPC endpoints of --network endpoints: what the VPC has is used, the rest is created.

import { BlockList } from 'node:net';
import type { Network, Vpc, VpcEndpoint } from '../core/aws-account/network.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import type { NetworkPlacement } from './network.ts';

/** The services that machines call, besides S3; those of a group and a page only if the cluster has them. */
const SERVICES = ['sqs', 'ec2', 'logs', 'autoscaling', 'secretsmanager'];
/** Who may use the endpoints of a cluster, as in the template. */
export const PRIVATE_RANGES = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10'];

export interface EndpointPlan {
  /** The parameter EndpointServices. */
  services: string[];
  /** The parameter RouteTableIds: tables without an endpoint to S3. */
  routeTables: string[];
  /** Endpoints of others that the cluster will use. */
  used: VpcEndpoint[];
}

/**
 * @param own ids of the endpoints that the cluster has itself.
 * @throws {ImgclsError} of kind `usage` when endpoints would not work, or would cut off others in the VPC.
 */
export async function planEndpoints(
  network: Pick<Network, 'vpc' | 'endpoints' | 'admitted'>,
  { vpc, subnets }: NetworkPlacement,
  own: readonly string[],
): Promise<EndpointPlan> {
  refuseVpc(await network.vpc(vpc));
  const present = await network.endpoints(vpc);
  const used = SERVICES.flatMap(
    (service) =>
      present.find((each) => each.service === service && each.hasPrivateDns && !own.includes(each.id)) ?? [],
  );
  for (const endpoint of used) await refuseUnusable(network, endpoint, { vpc, subnets });
  const tables = subnets
    .filter(({ routes: { s3Endpoint } }) => s3Endpoint === undefined || own.includes(s3Endpoint))
    .map(({ routes }) => routes.table);
  return {
    services: SERVICES.filter((service) => !used.some((each) => each.service === service)),
    routeTables: [...new Set(tables)].sort(),
    used,
  };
}

function refuseVpc({ id, ranges, hasDnsSupport, hasDnsHostnames }: Vpc): void {
  const off = [
    ...(hasDnsSupport ? [] : ['enable-dns-support']),
    ...(hasDnsHostnames ? [] : ['enable-dns-hostnames']),
  ];
  if (off.length > 0)
    throw new ImgclsError('usage', `Endpoints need names in ${id}, but ${off.join(' and ')} is off.`, {
      hint: off.map((each) => `aws ec2 modify-vpc-attribute --vpc-id ${id} --${each}`).join('; '),
    });
  const outside = ranges.filter((range) => !covers(PRIVATE_RANGES, range));
  if (outside.length > 0)
    throw new ImgclsError(
      'usage',
      `Endpoints would cut off ${outside.join(', ')} in ${id}: they admit private ranges only (${PRIVATE_RANGES.join(', ')}).`,
      { hint: 'Use --network public, private or ipv6, or another --vpc.' },
    );
}

/** An endpoint with the name of the service is used by the whole VPC, and a second one cannot have that name. */
async function refuseUnusable(
  network: Pick<Network, 'admitted'>,
  { id, service, isAvailable, groups }: VpcEndpoint,
  { vpc, subnets }: NetworkPlacement,
): Promise<void> {
  if (!isAvailable)
    throw new ImgclsError(
      'usage',
      `Endpoint ${id} has the name of ${service} in ${vpc}, but is not available.`,
      {
        hint: `Delete or repair it: aws ec2 describe-vpc-endpoints --vpc-endpoint-ids ${id}`,
      },
    );
  const admitted = await network.admitted(groups);
  const refused = subnets.filter(({ range = '' }) => !covers(admitted, range));
  if (refused.length > 0)
    throw new ImgclsError(
      'usage',
      `Endpoint ${id} has the name of ${service} in ${vpc}, but its security groups (${groups.join(', ')}) do not admit ${refused.map(({ range }) => range).join(', ')} on port 443.`,
      { hint: 'Add the ranges to one of these groups, or use another --network.' },
    );
}

/** Whether a range is in one of others. */
function covers(others: readonly string[], range: string): boolean {
  const [address = '', bits] = range.split('/');
  return others.some((other) => {
    const [network = '', prefix] = other.split('/');
    if (Number(prefix) > Number(bits)) return false;
    const list = new BlockList();
    list.addSubnet(network, Number(prefix), 'ipv4');
    return list.check(address, 'ipv4');
  });
}

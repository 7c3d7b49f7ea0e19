import {
  type DescribeSubnetsCommandInput,
  DescribeVpcsCommand,
  type EC2Client,
  paginateDescribeRouteTables,
  paginateDescribeSubnets,
  paginateDescribeVpcEndpoints,
  type Route,
  type RouteTable,
} from '@aws-sdk/client-ec2';
import type { Network, Subnet } from '../core/aws-account/account.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import { awsError, hasCode } from './errors.ts';
import { calling } from './retry.ts';

/** The Network port over EC2: what a deployment needs to know about a VPC. */
export function createNetwork(client: EC2Client): Network {
  return {
    defaultVpc: () =>
      calling('look up the default VPC (ec2:DescribeVpcs)', undefined, async () => {
        const Filters = [{ Name: 'is-default', Values: ['true'] }];
        const { Vpcs: [vpc] = [] } = await client.send(new DescribeVpcsCommand({ Filters }));
        return vpc?.VpcId;
      }),
    subnetsOf: (vpc) => subnets(client, { Filters: ofVpc(vpc) }, `of ${vpc}`),
    subnets: (ids) => subnets(client, { SubnetIds: [...ids] }, ids.join(', ')),
    async withoutWayOut(vpc, ids) {
      const tables = await routeTables(client, vpc);
      return ids.filter((id) => !(tableOf(id, tables)?.Routes ?? []).some(isOutboundRoute));
    },
    async routeTables(vpc, ids) {
      const tables = await routeTables(client, vpc);
      return [...new Set(ids.flatMap((id) => tableOf(id, tables)?.RouteTableId ?? []))].sort();
    },
    endpoints: (vpc) =>
      calling(`list the endpoints of ${vpc} (ec2:DescribeVpcEndpoints)`, undefined, async () => {
        const pages = await Array.fromAsync(
          paginateDescribeVpcEndpoints({ client }, { Filters: ofVpc(vpc) }),
        );
        return pages
          .flatMap(({ VpcEndpoints = [] }) => VpcEndpoints)
          .map(({ ServiceName = '' }) => ServiceName.slice(ServiceName.lastIndexOf('.') + 1));
      }),
  };
}

const ofVpc = (vpc: string) => [{ Name: 'vpc-id', Values: [vpc] }];

async function subnets(
  client: EC2Client,
  which: DescribeSubnetsCommandInput,
  words: string,
): Promise<Subnet[]> {
  try {
    const pages = await Array.fromAsync(paginateDescribeSubnets({ client }, which));
    return pages
      .flatMap(({ Subnets = [] }) => Subnets)
      .map(({ SubnetId = '', VpcId = '', AvailabilityZone = '' }) => ({
        id: SubnetId,
        vpc: VpcId,
        zone: AvailabilityZone,
      }));
  } catch (error) {
    if (
      hasCode(error, 'InvalidSubnetID.NotFound', 'InvalidSubnetID.Malformed', 'InvalidSubnetId.Malformed')
    ) {
      throw new ImgclsError('usage', `Not all subnets of ${words} exist in this region.`, {
        hint: 'Set --region (or AWS_REGION) to the region of the subnets. "aws ec2 describe-subnets" lists subnets.',
        cause: error,
      });
    }
    throw awsError(error, `look up subnets ${words} (ec2:DescribeSubnets)`);
  }
}

const routeTables = (client: EC2Client, vpc: string): Promise<RouteTable[]> =>
  calling(`read the routes of ${vpc} (ec2:DescribeRouteTables)`, undefined, async () => {
    const pages = await Array.fromAsync(paginateDescribeRouteTables({ client }, { Filters: ofVpc(vpc) }));
    return pages.flatMap(({ RouteTables = [] }) => RouteTables);
  });

/** A subnet without a route table of its own uses the main one. */
const tableOf = (subnet: string, tables: readonly RouteTable[]): RouteTable | undefined =>
  tables.find(({ Associations = [] }) => Associations.some(({ SubnetId }) => SubnetId === subnet)) ??
  tables.find(({ Associations = [] }) => Associations.some(({ Main }) => Main === true));

/** An internet gateway serves only machines with a public address; NAT or a transit gateway serves all. */
const isOutboundRoute = ({ DestinationCidrBlock, GatewayId = '', State }: Route): boolean =>
  DestinationCidrBlock === '0.0.0.0/0' && State !== 'blackhole' && !GatewayId.startsWith('igw-');

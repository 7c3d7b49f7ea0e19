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

/** What a deployment asks about a VPC, over EC2. */
export function createNetwork(client: EC2Client): Network {
  return {
    defaultVpc: () =>
      calling('look for the default VPC (ec2:DescribeVpcs)', undefined, async () => {
        const Filters = [{ Name: 'is-default', Values: ['true'] }];
        const { Vpcs: [vpc] = [] } = await client.send(new DescribeVpcsCommand({ Filters }));
        return vpc?.VpcId;
      }),
    subnetsOf: (vpc) => subnets(client, { Filters: ofVpc(vpc) }, `of ${vpc}`),
    subnets: (ids) => subnets(client, { SubnetIds: [...ids] }, ids.join(', ')),
    async withoutWayOut(vpc, ids) {
      const tables = await routeTables(client, vpc);
      return ids.filter((id) => !(tableOf(id, tables)?.Routes ?? []).some(isWayOut));
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
      throw new ImgclsError('usage', `Not every subnet of ${words} is there.`, {
        hint: '"aws ec2 describe-subnets" lists those of the region; --region, or AWS_REGION, says which region is asked.',
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

/** A subnet that no table names has the main one. */
const tableOf = (subnet: string, tables: readonly RouteTable[]): RouteTable | undefined =>
  tables.find(({ Associations = [] }) => Associations.some(({ SubnetId }) => SubnetId === subnet)) ??
  tables.find(({ Associations = [] }) => Associations.some(({ Main }) => Main === true));

/** An internet gateway serves only those with a public address; anything else (NAT, a transit gateway) serves all. */
const isWayOut = ({ DestinationCidrBlock, GatewayId = '', State }: Route): boolean =>
  DestinationCidrBlock === '0.0.0.0/0' && State !== 'blackhole' && !GatewayId.startsWith('igw-');

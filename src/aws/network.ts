import {
  DescribeSecurityGroupsCommand,
  type DescribeSubnetsCommandInput,
  DescribeVpcAttributeCommand,
  DescribeVpcsCommand,
  type EC2Client,
  type IpPermission,
  paginateDescribeInstanceTypeOfferings,
  paginateDescribeRouteTables,
  paginateDescribeSubnets,
  paginateDescribeVpcEndpoints,
  type Route,
  type RouteTable,
} from '@aws-sdk/client-ec2';
import type { Network, Subnet, SubnetRoutes, Vpc } from '../core/aws-account/network.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import { awsError, hasCode } from './errors.ts';
import { calling } from './retry.ts';

const HTTPS = 443;

/** The Network port over EC2. */
export function createNetwork(client: EC2Client): Network {
  return {
    defaultVpc: () =>
      calling('look up the default VPC (ec2:DescribeVpcs)', undefined, async () => {
        const Filters = [{ Name: 'is-default', Values: ['true'] }];
        const { Vpcs: [vpc] = [] } = await client.send(new DescribeVpcsCommand({ Filters }));
        return vpc?.VpcId;
      }),
    vpc: (id) => vpcOf(client, id),
    subnetsOf: (vpc) => subnets(client, { Filters: ofVpc(vpc) }, `of ${vpc}`),
    subnets: (ids) => subnets(client, { SubnetIds: [...ids] }, ids.join(', ')),
    routes: (vpc, ids) =>
      calling(`read the routes of ${vpc} (ec2:DescribeRouteTables)`, undefined, async () => {
        const pages = await Array.fromAsync(paginateDescribeRouteTables({ client }, { Filters: ofVpc(vpc) }));
        const tables = pages.flatMap(({ RouteTables = [] }) => RouteTables);
        const endpoint = await s3Gateways(client, vpc);
        return new Map(ids.map((id) => [id, toRoutes(tableOf(id, tables), endpoint)]));
      }),
    endpoints: (vpc) =>
      calling(`list the endpoints of ${vpc} (ec2:DescribeVpcEndpoints)`, undefined, async () =>
        (await vpcEndpoints(client, vpc))
          .filter(({ VpcEndpointType }) => VpcEndpointType === 'Interface')
          .map((each) => ({
            id: each.VpcEndpointId ?? '',
            service: serviceOf(each.ServiceName),
            isAvailable: each.State?.toLowerCase() === 'available',
            hasPrivateDns: each.PrivateDnsEnabled === true,
            groups: (each.Groups ?? []).flatMap(({ GroupId }) => GroupId ?? []),
          })),
      ),
    admitted: (groups) =>
      calling('read security groups (ec2:DescribeSecurityGroups)', undefined, async () => {
        const { SecurityGroups = [] } = await client.send(
          new DescribeSecurityGroupsCommand({ GroupIds: [...groups] }),
        );
        return SecurityGroups.flatMap(({ IpPermissions = [] }) => IpPermissions)
          .filter(admitsHttps)
          .flatMap(({ IpRanges = [] }) => IpRanges.flatMap(({ CidrIp }) => CidrIp ?? []));
      }),
    zonesOf: (type) =>
      calling(`find the zones of ${type} (ec2:DescribeInstanceTypeOfferings)`, undefined, async () => {
        const input = {
          LocationType: 'availability-zone' as const,
          Filters: [{ Name: 'instance-type', Values: [type] }],
        };
        const pages = await Array.fromAsync(paginateDescribeInstanceTypeOfferings({ client }, input));
        return pages
          .flatMap(({ InstanceTypeOfferings = [] }) => InstanceTypeOfferings)
          .flatMap(({ Location }) => Location ?? []);
      }),
  };
}

const ofVpc = (vpc: string) => [{ Name: 'vpc-id', Values: [vpc] }];

/** `com.amazonaws.us-east-1.sqs` is `sqs`. */
const serviceOf = (name = ''): string => name.slice(name.lastIndexOf('.') + 1);

async function vpcOf(client: EC2Client, id: string): Promise<Vpc> {
  const attribute = (Attribute: 'enableDnsSupport' | 'enableDnsHostnames') =>
    client.send(new DescribeVpcAttributeCommand({ VpcId: id, Attribute }));
  return await calling(`look up ${id} (ec2:DescribeVpcs, ec2:DescribeVpcAttribute)`, undefined, async () => {
    const [{ Vpcs: [vpc] = [] }, support, hostnames] = await Promise.all([
      client.send(new DescribeVpcsCommand({ VpcIds: [id] })),
      attribute('enableDnsSupport'),
      attribute('enableDnsHostnames'),
    ]);
    const blocks = vpc?.CidrBlockAssociationSet ?? [];
    return {
      id,
      ranges: blocks.flatMap(({ CidrBlock }) => CidrBlock ?? []),
      hasDnsSupport: support.EnableDnsSupport?.Value === true,
      hasDnsHostnames: hostnames.EnableDnsHostnames?.Value === true,
    };
  });
}

async function subnets(
  client: EC2Client,
  which: DescribeSubnetsCommandInput,
  words: string,
): Promise<Subnet[]> {
  try {
    const pages = await Array.fromAsync(paginateDescribeSubnets({ client }, which));
    return pages
      .flatMap(({ Subnets = [] }) => Subnets)
      .map((each) => ({
        id: each.SubnetId ?? '',
        vpc: each.VpcId ?? '',
        zone: each.AvailabilityZone ?? '',
        ...(each.CidrBlock && { range: each.CidrBlock }),
        hasIpv6: (each.Ipv6CidrBlockAssociationSet ?? []).length > 0,
        freeAddresses: each.AvailableIpAddressCount ?? 0,
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

async function vpcEndpoints(client: EC2Client, vpc: string) {
  const pages = await Array.fromAsync(paginateDescribeVpcEndpoints({ client }, { Filters: ofVpc(vpc) }));
  return pages.flatMap(({ VpcEndpoints = [] }) => VpcEndpoints);
}

/** The gateway endpoints to S3, by route table. A table has one at most. */
async function s3Gateways(client: EC2Client, vpc: string): Promise<Map<string, string>> {
  const gateways = (await vpcEndpoints(client, vpc)).filter(
    ({ VpcEndpointType, ServiceName }) => VpcEndpointType === 'Gateway' && serviceOf(ServiceName) === 's3',
  );
  return new Map(
    gateways.flatMap(({ VpcEndpointId = '', RouteTableIds = [] }) =>
      RouteTableIds.map((table) => [table, VpcEndpointId] as const),
    ),
  );
}

/** A subnet without a route table of its own uses the main one. */
const tableOf = (subnet: string, tables: readonly RouteTable[]): RouteTable | undefined =>
  tables.find(({ Associations = [] }) => Associations.some(({ SubnetId }) => SubnetId === subnet)) ??
  tables.find(({ Associations = [] }) => Associations.some(({ Main }) => Main === true));

function toRoutes(
  { RouteTableId: table = '', Routes = [] }: RouteTable = {},
  s3Gateway: ReadonlyMap<string, string>,
): SubnetRoutes {
  const routes = Routes.filter(({ State }) => State !== 'blackhole');
  const anywhere = routes.filter(({ DestinationCidrBlock }) => DestinationCidrBlock === '0.0.0.0/0');
  const s3Endpoint = s3Gateway.get(table);
  return {
    table,
    isPublic: anywhere.some(isInternetGateway),
    hasNat: anywhere.some((route) => !isInternetGateway(route)),
    hasIpv6: routes.some(
      (route) =>
        route.DestinationIpv6CidrBlock === '::/0' &&
        (route.EgressOnlyInternetGatewayId !== undefined || isInternetGateway(route)),
    ),
    ...(s3Endpoint !== undefined && { s3Endpoint }),
  };
}

const isInternetGateway = ({ GatewayId = '' }: Route): boolean => GatewayId.startsWith('igw-');

const admitsHttps = ({ IpProtocol, FromPort = 0, ToPort = 65_535 }: IpPermission): boolean =>
  IpProtocol === '-1' || (IpProtocol === 'tcp' && FromPort <= HTTPS && HTTPS <= ToPort);

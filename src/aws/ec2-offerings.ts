import {
  DescribeSubnetsCommand,
  type EC2Client,
  paginateDescribeInstanceTypeOfferings,
} from '@aws-sdk/client-ec2';
import type { Ec2 } from '../core/aws-account/ec2.ts';
import { calling } from './retry.ts';

/** Where EC2 has which types. */
export const offeringsOf = (client: EC2Client): Pick<Ec2, 'offerings' | 'zonesOf'> => ({
  offerings: (names) =>
    calling(`list the zones of instance types (ec2:DescribeInstanceTypeOfferings)`, undefined, async () => {
      const found: { type: string; zone: string }[] = [];
      const pages = paginateDescribeInstanceTypeOfferings(
        { client },
        { LocationType: 'availability-zone', Filters: [{ Name: 'instance-type', Values: [...names] }] },
      );
      for await (const { InstanceTypeOfferings = [] } of pages)
        for (const { InstanceType, Location = '' } of InstanceTypeOfferings)
          found.push({ type: String(InstanceType), zone: Location });
      return found;
    }),
  zonesOf: (subnets) =>
    calling(`look up subnets ${subnets.join(', ')} (ec2:DescribeSubnets)`, undefined, async () => {
      const { Subnets = [] } = await client.send(new DescribeSubnetsCommand({ SubnetIds: [...subnets] }));
      return new Map(Subnets.map(({ SubnetId = '', AvailabilityZone = '' }) => [SubnetId, AvailabilityZone]));
    }),
});

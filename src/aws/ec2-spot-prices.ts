import { type EC2Client, paginateDescribeSpotPriceHistory } from '@aws-sdk/client-ec2';
import type { Ec2, SpotPrice } from '../core/aws-account/ec2.ts';
import { calling } from './retry.ts';

/** What spot instances cost at a time: the last change before it, of each type in each zone. */
export const spotPricesOf = (client: EC2Client): Pick<Ec2, 'spotPrices'> => ({
  spotPrices: (names, atMs) =>
    calling('read spot prices (ec2:DescribeSpotPriceHistory)', undefined, async () => {
      const at = new Date(atMs);
      const pages = paginateDescribeSpotPriceHistory(
        { client },
        {
          InstanceTypes: [...names] as [],
          ProductDescriptions: ['Linux/UNIX'],
          StartTime: at,
          EndTime: at,
        },
      );
      const newest = new Map<string, SpotPrice & { sinceMs: number }>();
      for await (const { SpotPriceHistory = [] } of pages)
        for (const { InstanceType, AvailabilityZone: zone = '', SpotPrice, Timestamp } of SpotPriceHistory) {
          const found = {
            type: String(InstanceType),
            zone,
            usd: Number(SpotPrice),
            sinceMs: Number(Timestamp),
          };
          const key = `${found.type} ${zone}`;
          if (found.usd > 0 && found.sinceMs >= (newest.get(key)?.sinceMs ?? 0)) newest.set(key, found);
        }
      return [...newest.values()].map(({ type, zone, usd }) => ({ type, zone, usd }));
    }),
});

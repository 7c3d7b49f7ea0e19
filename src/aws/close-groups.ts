import {
  AutoScalingClient,
  DescribeAutoScalingGroupsCommand,
  UpdateAutoScalingGroupCommand,
} from '@aws-sdk/client-auto-scaling';
import type { ScalingGroups } from '../core/aws-account/account.ts';
import { type SdkClientOptions, smallRequests } from './clients.ts';
import { calling } from './retry.ts';

/** Sets Auto Scaling groups to 0; `end` closes the connections. */
export function createScalingGroups(options: SdkClientOptions): ScalingGroups & { end(): void } {
  const client = new AutoScalingClient(smallRequests(options));
  return {
    close: (name) =>
      calling(
        `set Auto Scaling group ${name} to 0 (autoscaling:UpdateAutoScalingGroup)`,
        undefined,
        async () => {
          const command = new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [name] });
          const { AutoScalingGroups: [group] = [] } = await client.send(command);
          if (group === undefined) return [];
          await client.send(
            new UpdateAutoScalingGroupCommand({
              AutoScalingGroupName: name,
              MinSize: 0,
              MaxSize: 0,
              DesiredCapacity: 0,
            }),
          );
          return (group.Instances ?? []).flatMap(({ InstanceId }) => InstanceId ?? []);
        },
      ),
    end: () => client.destroy(),
  };
}

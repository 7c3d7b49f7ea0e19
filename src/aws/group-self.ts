/** Requests of a machine about itself to its Auto Scaling group. */
import { type AutoScalingClient, SetInstanceProtectionCommand } from '@aws-sdk/client-auto-scaling';
import type { CapacityAfter } from '../core/aws-account/auto-scaling.ts';
import { isTransient } from '../core/runtime/errors.ts';
import { endInGroup, isRefusedBecause } from './auto-scaling.ts';
import { calling, retrying, systemTiming } from './retry.ts';

export interface GroupMembership {
  group: string;
  instanceId: string;
}

/** Turns scale-in protection of this machine on or off. @throws {ImgclsError} */
export async function protectSelf(
  client: AutoScalingClient,
  { group, instanceId, isProtected }: GroupMembership & { isProtected: boolean },
  signal: AbortSignal,
): Promise<void> {
  const command = new SetInstanceProtectionCommand({
    AutoScalingGroupName: group,
    InstanceIds: [instanceId],
    ProtectedFromScaleIn: isProtected,
  });
  await calling(
    `protect this machine, ${instanceId}, from scale-in (autoscaling:SetInstanceProtection)`,
    signal,
    (options) => client.send(command, options),
  );
}

/**
 * Terminates this machine and lowers the group's capacity in the same call. A group at its minimum size replaces the
 * machine. @throws {ImgclsError} without permission.
 */
export async function endSelfInGroup(client: AutoScalingClient, instanceId: string): Promise<void> {
  const end = (capacity: CapacityAfter) =>
    retrying(systemTiming, undefined, isTransient, () => endInGroup(client, instanceId, capacity));
  try {
    await end('lower');
  } catch (error) {
    if (!isRefusedBecause(error, /min ?size/i)) throw error;
    await end('keep');
  }
}

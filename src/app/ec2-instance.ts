// Finds the EC2 instance that this process runs on, for managed workers.

import { writeFile } from 'node:fs/promises';
import { uptime } from 'node:os';
import type { GroupMembership } from '../aws/group-self.ts';
import type { OwnMachine } from '../core/fleet/machine.ts';
import { systemClock } from './system-clock.ts';

export interface Ec2InstanceOptions {
  /** The instance's Auto Scaling group, if it has one. */
  group: string | undefined;
  /** The worker creates this file to have its systemd unit power the machine off. That needs no IAM permission. */
  powerOffFile: string | undefined;
}

/** @returns undefined where the instance metadata service does not answer. */
export async function findEc2Instance({
  group,
  powerOffFile,
}: Ec2InstanceOptions): Promise<OwnMachine | undefined> {
  const { MetadataService, untilReclaimed } = await import('../aws/imds.ts');
  const service = MetadataService.of(process.env);
  const identity = await service?.identity(systemClock);
  if (service === undefined || identity === undefined) return undefined;
  const startedAtMs = systemClock.nowMs() - 1000 * process.uptime();
  const { pendingTime, instanceId } = identity;
  return {
    id: instanceId,
    boot: {
      kernelToProcessMs: Math.max(0, Math.round(1000 * (uptime() - process.uptime()))),
      ...(pendingTime !== undefined && {
        launchToProcessMs: Math.max(0, Math.round(startedAtMs - pendingTime.getTime())),
      }),
    },
    isReclaimed: (signal, onRebalance) =>
      untilReclaimed(service, { clock: systemClock, signal, onRebalance }),
    ...(group === undefined ? standalone(instanceId, powerOffFile) : await inGroup({ group, instanceId })),
  };
}

function standalone(instanceId: string, powerOffFile: string | undefined): Pick<OwnMachine, 'end'> {
  return {
    async end() {
      if (powerOffFile !== undefined) return await writeFile(powerOffFile, '');
      const { terminateSelf } = await import('../aws/ec2-self.ts');
      await terminateSelf(instanceId);
    },
  };
}

async function inGroup(membership: GroupMembership): Promise<Pick<OwnMachine, 'end' | 'protect'>> {
  const { endSelfInGroup, protectSelf } = await import('../aws/group-self.ts');
  const { createAutoScalingClient } = await import('../aws/clients.ts');
  const client = createAutoScalingClient();
  return {
    end: () => endSelfInGroup(client, membership.instanceId),
    protect: (isProtected, signal) => protectSelf(client, { ...membership, isProtected }, signal),
  };
}

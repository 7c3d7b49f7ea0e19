import { writeFile } from 'node:fs/promises';
import { uptime } from 'node:os';
import type { GroupMembership } from '../aws/group-self.ts';
import type { OwnMachine } from '../core/fleet/machine.ts';
import { systemClock } from './system-clock.ts';

export interface OwnMachineOptions {
  /** The Auto Scaling group that it belongs to, where it does. */
  group: string | undefined;
  /** Whoever runs this process powers the machine off when it has ended and this file is there: that takes no permission. */
  powerOffFile: string | undefined;
}

/** The EC2 instance that this process runs on; undefined where it runs on none. */
export async function findOwnMachine({
  group,
  powerOffFile,
}: OwnMachineOptions): Promise<OwnMachine | undefined> {
  const { MetadataService, untilInterruption } = await import('../aws/imds.ts');
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
    interruption: (signal) => untilInterruption(service, systemClock, signal),
    ...(group === undefined ? alone(instanceId, powerOffFile) : await inGroup({ group, instanceId })),
  };
}

function alone(instanceId: string, powerOffFile: string | undefined): Pick<OwnMachine, 'end'> {
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

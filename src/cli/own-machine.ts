import { uptime } from 'node:os';
import type { OwnMachine } from '../core/machine.ts';
import { systemClock } from './clock.ts';

export interface OwnMachineOptions {
  /** Whoever runs this process powers the machine off once it has ended, which takes no permission of EC2. */
  isPoweredOff: boolean;
}

/** The EC2 instance that this process runs on; undefined where it runs on none. */
export async function findOwnMachine({ isPoweredOff }: OwnMachineOptions): Promise<OwnMachine | undefined> {
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
    async end() {
      if (isPoweredOff) return;
      const { terminateSelf } = await import('../aws/ec2-self.ts');
      await terminateSelf(instanceId);
    },
  };
}

import { TerminateInstancesCommand } from '@aws-sdk/client-ec2';
import { createEc2Client } from './clients.ts';
import { calling } from './retry.ts';

/** Terminates the machine that this process runs on. @throws {ImgclsError} without permission. */
export async function terminateSelf(instanceId: string): Promise<void> {
  const client = createEc2Client();
  try {
    await calling(`terminate this machine, ${instanceId} (ec2:TerminateInstances)`, undefined, (options) =>
      client.send(new TerminateInstancesCommand({ InstanceIds: [instanceId] }), options),
    );
  } finally {
    client.destroy();
  }
}

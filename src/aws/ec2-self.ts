import { TerminateInstancesCommand } from '@aws-sdk/client-ec2';
import { createEc2Client } from './clients.ts';
import { calling } from './retry.ts';

/** Ends the machine that this process runs on. @throws {ImgclsError} where it may not. */
export async function terminateSelf(instanceId: string): Promise<void> {
  const client = createEc2Client();
  try {
    await calling(`end this machine, ${instanceId} (ec2:TerminateInstances)`, undefined, (options) =>
      client.send(new TerminateInstancesCommand({ InstanceIds: [instanceId] }), options),
    );
  } finally {
    client.destroy();
  }
}

import { type EC2Client, GetConsoleOutputCommand } from '@aws-sdk/client-ec2';
import { calling } from './retry.ts';

/** What an instance has written to its console, with the delay that EC2 has. */
export const consoleOutput = (client: EC2Client, id: string): Promise<string> =>
  calling(`read the console output of ${id} (ec2:GetConsoleOutput)`, undefined, async () => {
    const { Output = '' } = await client.send(new GetConsoleOutputCommand({ InstanceId: id, Latest: true }));
    return Buffer.from(Output, 'base64').toString();
  });

import { type EC2Client, GetEbsDefaultKmsKeyIdCommand } from '@aws-sdk/client-ec2';
import type { Volumes } from '../core/aws-account/account.ts';
import { calling } from './retry.ts';

/** The key that AWS keeps. It needs no permission besides that to launch instances. */
const OF_AWS = 'alias/aws/ebs';

export const createVolumes = (client: EC2Client): Volumes => ({
  customerKey: () =>
    calling('look up the default key of volumes (ec2:GetEbsDefaultKmsKeyId)', undefined, async () => {
      const { KmsKeyId = OF_AWS } = await client.send(new GetEbsDefaultKmsKeyIdCommand({}));
      return KmsKeyId.endsWith(OF_AWS) ? undefined : KmsKeyId;
    }),
});

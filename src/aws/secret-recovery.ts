import { DescribeSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { Secrets } from '../core/aws-account/account.ts';
import { type SdkClientOptions, smallRequests } from './clients.ts';
import { awsError, hasCode } from './errors.ts';

/** Finds deleted secrets that can still be restored; `end` closes the connections. */
export function createSecrets(options: SdkClientOptions): Secrets & { end(): void } {
  const client = new SecretsManagerClient(smallRequests(options));
  return {
    async goneAtMs(id) {
      try {
        const { DeletedDate } = await client.send(new DescribeSecretCommand({ SecretId: id }));
        return DeletedDate?.getTime();
      } catch (error) {
        if (hasCode(error, 'ResourceNotFoundException')) return undefined;
        throw awsError(error, `look up secret ${id} (secretsmanager:DescribeSecret)`);
      }
    },
    end: () => client.destroy(),
  };
}

/** Secrets of AWS Secrets Manager. */
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { ImgclsError } from '../core/runtime/errors.ts';
import { smallRequests } from './clients.ts';
import { hasCode } from './errors.ts';
import { calling } from './retry.ts';

/**
 * The text of a secret, without the line end that an editor adds.
 * @param arn of the secret. It contains the region.
 * @throws {ImgclsError} of kind `config` if the secret does not exist or is not text; otherwise AWS's error.
 */
export async function readSecret(arn: string): Promise<string> {
  const [, , , region = ''] = arn.split(':');
  const client = new SecretsManagerClient(smallRequests({ region }));
  try {
    const { SecretString: text } = await calling(
      `read secret ${arn} (secretsmanager:GetSecretValue)`,
      undefined,
      (options) => client.send(new GetSecretValueCommand({ SecretId: arn }), options),
    );
    if (text !== undefined) return text.trim();
    throw new ImgclsError('config', `Secret ${arn} is binary; it must be text.`);
  } catch (error) {
    if (!(error instanceof ImgclsError) || !hasCode(error.cause, 'ResourceNotFoundException')) throw error;
    throw new ImgclsError('config', `Secret ${arn} does not exist, or has no value.`, {
      hint: 'Check the ARN. "aws secretsmanager list-secrets" lists the secrets of a region.',
      cause: error,
    });
  } finally {
    client.destroy();
  }
}

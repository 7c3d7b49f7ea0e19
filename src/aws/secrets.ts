/** Secrets of AWS Secrets Manager. */
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { ImgclsError } from '../core/runtime/errors.ts';
import { smallRequests } from './clients.ts';
import { hasCode } from './errors.ts';
import { calling } from './retry.ts';

/**
 * The text of a secret, without the line end that an editor leaves behind it.
 * @param arn of the secret: it says in which region that is.
 * @throws {ImgclsError} of kind `config` when there is no such secret, or none in words; else what AWS says.
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
    throw new ImgclsError('config', `Secret ${arn} holds bytes and no text.`);
  } catch (error) {
    if (!(error instanceof ImgclsError) || !hasCode(error.cause, 'ResourceNotFoundException')) throw error;
    throw new ImgclsError('config', `There is no secret ${arn}, or it has no value.`, {
      hint: '"aws secretsmanager list-secrets" lists those of a region.',
      cause: error,
    });
  } finally {
    client.destroy();
  }
}

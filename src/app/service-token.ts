import { ImgclsError } from '../core/runtime/errors.ts';
import { canBeToken } from '../core/settings/declared-settings.ts';
import type { RunSettings } from './settings.ts';

/**
 * The access token of `imgcls serve`, from the settings or from AWS Secrets Manager; undefined where none is set.
 * @throws {ImgclsError} when the secret cannot be read or is not a valid token.
 */
export async function readServiceToken({
  token,
  tokenSecret,
}: Pick<RunSettings, 'token' | 'tokenSecret'>): Promise<string | undefined> {
  if (tokenSecret === undefined) return token;
  const { readSecret } = await import('../aws/secrets.ts');
  const secret = await readSecret(tokenSecret);
  if (canBeToken(secret)) return secret;
  throw new ImgclsError('config', `Secret ${tokenSecret} does not hold a valid access token.`, {
    hint: 'Store the token itself and nothing else: 16 to 256 characters.',
  });
}

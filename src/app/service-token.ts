import { ImgclsError } from '../core/runtime/errors.ts';
import { canBeToken } from '../core/settings/declared-settings.ts';
import type { RunSettings } from './settings.ts';

/**
 * What callers of the service must know: as it is set, or as it stands in AWS Secrets Manager. Undefined where they
 * need to know nothing.
 * @throws {ImgclsError} when the secret cannot be read, or is no token.
 */
export async function serviceToken({
  token,
  tokenSecret,
}: Pick<RunSettings, 'token' | 'tokenSecret'>): Promise<string | undefined> {
  if (tokenSecret === undefined) return token;
  const { readSecret } = await import('../aws/secrets.ts');
  const secret = await readSecret(tokenSecret);
  if (canBeToken(secret)) return secret;
  throw new ImgclsError('config', `What secret ${tokenSecret} holds is no token of the service.`, {
    hint: 'It must be the token itself and nothing else: 16 to 256 characters.',
  });
}

import { ImgclsError } from '../core/runtime/errors.ts';
import { HUB_ENDPOINT, type HubAccess } from '../model/hub/repository.ts';

/** The Hugging Face Hub, where its own programs find it. @throws {ImgclsError} of kind `config`. */
export function hubAccess({ HF_ENDPOINT, HF_TOKEN }: NodeJS.ProcessEnv): HubAccess {
  const endpoint = (HF_ENDPOINT || HUB_ENDPOINT).replace(/\/+$/, '');
  if (!/^https?:\/\//.test(endpoint) || !URL.canParse(endpoint))
    throw new ImgclsError('config', `HF_ENDPOINT must be an http or https URL, not "${endpoint}".`);
  if (HF_TOKEN && isReadableOnTheWay(new URL(endpoint)))
    throw new ImgclsError('config', `HF_ENDPOINT is ${endpoint}, which would send HF_TOKEN unencrypted.`, {
      hint: 'Use an https URL, or unset HF_TOKEN.',
    });
  return { endpoint, ...(HF_TOKEN && { token: HF_TOKEN }) };
}

/** Not so on the machine itself. */
const isReadableOnTheWay = ({ protocol, hostname }: URL): boolean =>
  protocol === 'http:' && !/^(localhost|127\.[\d.]+|\[::1\])$/.test(hostname);

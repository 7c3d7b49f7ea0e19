// Follows redirects of a download, but none that leads from a public server into a private network, or from either to this
// machine itself and the services that its network has for it alone, such as instance metadata.
//
// A name may get another address between the check and the request. What is installed has a digest in any case.

import { lookup } from 'node:dns/promises';
import { closenessOf } from '../core/network/closeness.ts';
import { ImgclsError } from '../core/runtime/errors.ts';

/** The addresses of a host; none if they are not known. */
export type AddressesOf = (host: string) => Promise<readonly string[]>;

export interface FollowOptions {
  headers: Readonly<Record<string, string>>;
  signal: AbortSignal;
  /** Default: as the system resolves it. */
  addressesOf?: AddressesOf | undefined;
}

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** The Hub and object stores redirect once or twice. */
const MAX_REDIRECTS = 5;

const systemAddresses: AddressesOf = (host) =>
  lookup(host, { all: true }).then(
    (found) => found.map(({ address }) => address),
    // The request itself says that there are none, or goes through a proxy that knows them.
    () => [],
  );

/**
 * Like `fetch`; `authorization` is sent to the first server only.
 * @throws {ImgclsError} of kind `permanent` if a redirect is not followed.
 */
export async function fetchFollowing(
  url: string,
  { headers: { authorization, ...headers }, signal, addressesOf = systemAddresses }: FollowOptions,
): Promise<Response> {
  const first = new URL(url);
  let from = first;
  for (let redirects = 0; ; redirects++) {
    const secret = authorization !== undefined && from.origin === first.origin ? { authorization } : {};
    const response = await fetch(from, { headers: { ...headers, ...secret }, signal, redirect: 'manual' });
    const location = response.headers.get('location');
    if (!REDIRECTS.has(response.status) || location === null) return response;
    await response.body?.cancel();
    if (redirects === MAX_REDIRECTS)
      throw new ImgclsError('permanent', `${url} redirects more than ${MAX_REDIRECTS} times.`);
    const to = URL.parse(location, from.href);
    if (to === null || !/^https?:$/.test(to.protocol))
      throw new ImgclsError('permanent', `${from.host} redirects to an address that is none of the web.`);
    if ((await closenessOfHost(to, addressesOf)) > (await closenessOfHost(from, addressesOf)))
      throw new ImgclsError(
        'permanent',
        `${from.host} redirects to ${to.host}, which is in a private network or on this machine.`,
        {
          hint: 'If that is where the files are, name it as the source: HF_ENDPOINT, modelMirror or --source.',
        },
      );
    from = to;
  }
}

/** Of its closest address. A host whose addresses are not known counts as public. */
async function closenessOfHost({ hostname }: URL, addressesOf: AddressesOf): Promise<number> {
  const addresses = await addressesOf(hostname.replace(/^\[|\]$/g, ''));
  return Math.max(0, ...addresses.map(closenessOf));
}

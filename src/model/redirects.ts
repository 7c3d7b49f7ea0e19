// Follows redirects of a download, but none that leads from a public server into a private network, or from either to this
// machine itself and the services that its network has for it alone, such as instance metadata.
//
// A name may get another address between the check and the request. What is installed has a digest in any case.

import { lookup } from 'node:dns/promises';
import { BlockList, isIPv6 } from 'node:net';
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

const familyOf = (address: string) => (isIPv6(address) ? 'ipv6' : 'ipv4');

/** From the widest network to the closest. The closest that has an address of a host says where the host is. */
const NETWORKS: readonly BlockList[] = [
  networks(
    ['10.0.0.0', 8],
    ['172.16.0.0', 12],
    ['192.168.0.0', 16],
    ['100.64.0.0', 10],
    ['fc00::', 7],
    ['fec0::', 10],
  ),
  networks(
    ['0.0.0.0', 8],
    ['127.0.0.0', 8],
    ['169.254.0.0', 16],
    ['::', 127],
    ['fe80::', 10],
    // The instance metadata of EC2.
    ['fd00:ec2::', 32],
  ),
];

function networks(...subnets: [string, number][]): BlockList {
  const list = new BlockList();
  for (const [address, bits] of subnets) list.addSubnet(address, bits, familyOf(address));
  return list;
}

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
    if ((await closenessOf(to, addressesOf)) > (await closenessOf(from, addressesOf)))
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

/** 0: public. */
async function closenessOf({ hostname }: URL, addressesOf: AddressesOf): Promise<number> {
  const addresses = await addressesOf(hostname.replace(/^\[|\]$/g, ''));
  const isIn = (list: BlockList) => addresses.some((address) => list.check(address, familyOf(address)));
  return NETWORKS.findLastIndex(isIn) + 1;
}

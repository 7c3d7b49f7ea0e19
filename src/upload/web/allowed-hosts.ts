import type { Closeness } from '../../core/network/closeness.ts';
import { portOf } from '../../core/network/web-address.ts';

/** In a list of allowed hosts: all that have public addresses, at the ports of http and https. */
const PUBLIC = 'public';

/**
 * How close the address of a host may be, by a list of allowed hosts: `public`, names, and names with a port. A host that is
 * named may be anywhere. Undefined if the host is not allowed.
 * @param allowed absent: all are.
 */
export function closestAllowed(url: URL, allowed: readonly string[] | undefined): Closeness | undefined {
  const isUsualPort = url.port === '';
  const names = [`${url.hostname}:${portOf(url)}`, ...(isUsualPort ? [url.hostname] : [])];
  if (allowed === undefined || names.some((name) => allowed.includes(name))) return 2;
  return isUsualPort && allowed.includes(PUBLIC) ? 0 : undefined;
}

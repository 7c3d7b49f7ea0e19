import ipaddr from 'ipaddr.js';

/**
 * How close an address is. 0: of the public internet. 1: of a private network, or of none that exists. 2: of this machine,
 * or what its network has for it alone, such as instance metadata.
 */
export type Closeness = 0 | 1 | 2;

const OWN: readonly string[] = ['unspecified', 'loopback', 'linkLocal'];
/** Those of clouds that look like others: the instance metadata of EC2, and the services of Azure for its machines. */
const OWN_SUBNETS = ['fd00:ec2::/32', '168.63.129.16/32'].map((subnet) => ipaddr.parseCIDR(subnet));
/** All that is assigned so far. Behind the others are old forms that contain an IPv4 address, such as ::127.0.0.1. */
const PUBLIC_IPV6 = ipaddr.IPv6.parseCIDR('2000::/3');
/** Its last four bytes are the IPv4 address that a translator (NAT64) connects to. */
const TRANSLATED = ipaddr.IPv6.parseCIDR('64:ff9b::/96');
const IPV4_BYTES = 4;

/** @param address in numbers, of IPv4 or IPv6. */
export function closenessOf(address: string): Closeness {
  // This takes an IPv4 address out of one of IPv6 (::ffff:127.0.0.1).
  const parsed = ipaddr.process(address);
  const isIn = ([subnet, bits]: [ipaddr.IPv4 | ipaddr.IPv6, number]) =>
    parsed.kind() === subnet.kind() && parsed.match(subnet, bits);
  if (isIn(TRANSLATED))
    return closenessOf(ipaddr.fromByteArray(parsed.toByteArray().slice(-IPV4_BYTES)).toString());
  const range = parsed.range();
  if (OWN.includes(range) || OWN_SUBNETS.some(isIn)) return 2;
  const isPublic = range === 'unicast' && (parsed.kind() === 'ipv4' || isIn(PUBLIC_IPV6));
  return isPublic ? 0 : 1;
}

// Chooses the VPC and the subnets of a cluster: one in each zone, with the way out that its machines use.

import type { Network, Subnet, SubnetRoutes } from '../core/aws-account/network.ts';
import { ImgclsError } from '../core/runtime/errors.ts';

export const NETWORKS = ['public', 'private', 'ipv6', 'endpoints'] as const;
/** How machines reach AWS: --network. */
export type NetworkKind = (typeof NETWORKS)[number];

/** What a subnet must have. */
const NEEDS: Readonly<
  Record<NetworkKind, { what: string; has(routes: SubnetRoutes, subnet: Subnet): boolean }>
> = {
  public: { what: 'a route to an internet gateway', has: ({ isPublic }) => isPublic },
  private: { what: 'a route to a NAT gateway', has: ({ hasNat }) => hasNat },
  // Machines read their settings by IPv4, from the metadata service.
  ipv6: {
    what: 'both IPv4 and IPv6, and a route for ::/0 to an egress-only internet gateway',
    has: ({ hasIpv6 }, { hasIpv6: hasRange, range }) => hasIpv6 && hasRange && range !== undefined,
  },
  endpoints: { what: 'IPv4', has: (_, { range }) => range !== undefined },
};

export interface NetworkRequest {
  kind: NetworkKind;
  /** As in flags: ids, several subnets separated by commas. */
  vpc?: string | undefined;
  subnets?: string | undefined;
  /** Instance types that run in each of the subnets. */
  types: readonly string[];
}

export type RoutedSubnet = Subnet & { routes: SubnetRoutes };

export interface NetworkPlacement {
  vpc: string;
  /** Ordered by id. */
  subnets: RoutedSubnet[];
}

export type NetworkView = Pick<Network, 'defaultVpc' | 'subnetsOf' | 'subnets' | 'routes' | 'zonesOf'>;

/**
 * The requested subnets, or else the fitting ones of the requested or the default VPC: in each zone that offers the instance
 * types the one with the most free addresses.
 * @throws {ImgclsError} of kind `usage` when there are none, or when a requested one does not fit.
 */
export async function chooseNetwork(
  network: NetworkView,
  { kind, types, ...wanted }: NetworkRequest,
): Promise<NetworkPlacement> {
  const { vpc, subnets } = await findSubnets(network, wanted);
  const zones = await zonesOf(network, types);
  const fits = (subnet: RoutedSubnet) => NEEDS[kind].has(subnet.routes, subnet);
  if (wanted.subnets !== undefined) {
    const unfit = subnets.filter((subnet) => !fits(subnet));
    if (unfit.length > 0) throw doNotFit(kind, { vpc, subnets }, unfit);
    refuseZones(subnets, zones, types);
    return { vpc, subnets };
  }
  const fitting = subnets.filter(fits);
  if (fitting.length === 0) throw doNotFit(kind, { vpc, subnets }, subnets);
  const inZones = fitting.filter(({ zone }) => zones.has(zone));
  if (inZones.length === 0) refuseZones(fitting, zones, types);
  return { vpc, subnets: roomiest(inZones) };
}

/** All subnets of the request, or of its VPC, with their routes. */
export async function findSubnets(
  network: NetworkView,
  wanted: Pick<NetworkRequest, 'vpc' | 'subnets'>,
): Promise<NetworkPlacement> {
  const ids = wanted.subnets?.split(',').map((id) => id.trim());
  const { vpc, subnets } = await ofOneVpc(network, wanted.vpc, ids);
  const routes = await network.routes(
    vpc,
    subnets.map(({ id }) => id),
  );
  return {
    vpc,
    subnets: subnets
      .flatMap((subnet) => {
        const own = routes.get(subnet.id);
        return own === undefined ? [] : [{ ...subnet, routes: own }];
      })
      .sort((a, b) => a.id.localeCompare(b.id)),
  };
}

async function ofOneVpc(
  network: NetworkView,
  wantedVpc: string | undefined,
  ids: readonly string[] | undefined,
): Promise<{ vpc: string; subnets: Subnet[] }> {
  const vpc = wantedVpc ?? (ids === undefined ? await network.defaultVpc() : undefined);
  if (vpc === undefined && ids === undefined) {
    throw new ImgclsError('usage', 'The account has no default VPC in this region.', {
      hint: 'Use --vpc or --subnets. "aws ec2 describe-vpcs" lists VPCs, "aws ec2 create-default-vpc" creates a default one.',
    });
  }
  const subnets = ids === undefined ? await network.subnetsOf(vpc ?? '') : await network.subnets(ids);
  const [first] = subnets;
  if (first === undefined) {
    throw new ImgclsError('usage', `No subnets found in ${vpc}.`, {
      hint: 'Use --subnets. "aws ec2 describe-subnets" lists the subnets of the region.',
    });
  }
  const home = vpc ?? first.vpc;
  const elsewhere = subnets.filter((subnet) => subnet.vpc !== home);
  if (elsewhere.length > 0) throw severalVpcs(home, elsewhere);
  return { vpc: home, subnets };
}

const severalVpcs = (vpc: string, elsewhere: readonly Subnet[]) =>
  new ImgclsError(
    'usage',
    `All subnets of a cluster must be in one VPC (${vpc}), but ${elsewhere.map((each) => `${each.id} is in ${each.vpc}`).join(', ')}.`,
    { hint: 'Use --subnets of one VPC. If you use --vpc, name that VPC.' },
  );

/** The zones that offer all of the types. */
export async function zonesOf(network: NetworkView, types: readonly string[]): Promise<Set<string>> {
  const [first = [], ...others] = await Promise.all(types.map((type) => network.zonesOf(type)));
  return new Set(first.filter((zone) => others.every((zones) => zones.includes(zone))));
}

/** A launch in a zone without the type fails; endpoints, load balancers and fleets take one subnet in each zone. */
function refuseZones(subnets: readonly Subnet[], zones: ReadonlySet<string>, types: readonly string[]): void {
  const without = subnets.filter(({ zone }) => !zones.has(zone));
  if (without.length > 0)
    throw new ImgclsError(
      'usage',
      `${placesOf(without)} cannot run ${types.join(' and ')}: the zone does not offer it.`,
      {
        hint: `Zones that do: ${[...zones].sort().join(', ') || 'none in this region'}. Use --subnets there, or another --instance-type.`,
      },
    );
  const first = new Map<string, string>();
  for (const { id, zone } of subnets) {
    const other = first.get(zone);
    if (other !== undefined)
      throw new ImgclsError(
        'usage',
        `${other} and ${id} are both in zone ${zone}. A cluster has one subnet in each zone.`,
        {
          hint: 'Name one of them in --subnets.',
        },
      );
    first.set(zone, id);
  }
}

function doNotFit(
  kind: NetworkKind,
  { vpc, subnets: all }: NetworkPlacement,
  unfit: readonly Subnet[],
): ImgclsError {
  const others = NETWORKS.filter((other) => other !== kind && other !== 'endpoints').filter((other) =>
    all.some((subnet) => NEEDS[other].has(subnet.routes, subnet)),
  );
  const fitting =
    others.map((other) => `--network ${other}`).join(' or ') || '--network endpoints (which costs)';
  return new ImgclsError(
    'usage',
    `--network ${kind} needs ${NEEDS[kind].what}, which ${placesOf(unfit)} of ${vpc} lack.`,
    {
      hint: `These subnets would do for ${fitting}. Or name others with --subnets or --vpc.`,
    },
  );
}

const placesOf = (subnets: readonly Subnet[]): string =>
  subnets.map(({ id, zone }) => `${id} (${zone})`).join(', ');

function roomiest(subnets: readonly RoutedSubnet[]): RoutedSubnet[] {
  const byZone = Map.groupBy(subnets, ({ zone }) => zone);
  return [...byZone.values()]
    .flatMap((each) => each.toSorted((a, b) => b.freeAddresses - a.freeAddresses).slice(0, 1))
    .sort((a, b) => a.id.localeCompare(b.id));
}

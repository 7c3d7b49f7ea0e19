/** A fake VPC "vpc-default": public subnets in the zones a and b, a private one with NAT in each, and one without any way out in a. */
import type {
  Network,
  Subnet,
  SubnetRoutes,
  Vpc,
  VpcEndpoint,
} from '../../../src/core/aws-account/network.ts';

export const subnet = (id: string, over: Partial<Subnet> = {}): Subnet => ({
  id,
  vpc: 'vpc-default',
  zone: id.at(-1) ?? '',
  range: '10.0.0.0/20',
  hasIpv6: false,
  freeAddresses: 100,
  ...over,
});

const routes = (over: Partial<SubnetRoutes> = {}): SubnetRoutes => ({
  table: 'rtb-1',
  isPublic: false,
  hasNat: false,
  hasIpv6: false,
  ...over,
});

export interface FakeVpc {
  vpc: Partial<Vpc>;
  subnets: Subnet[];
  routes: Record<string, Partial<SubnetRoutes>>;
  endpoints: VpcEndpoint[];
  admitted: string[];
  zones: Record<string, string[]>;
}

export function fakeNetwork(over: Partial<FakeVpc> = {}): Network {
  const {
    subnets = ['public-a', 'public-b', 'private-a', 'private-b', 'isolated-a'].map((id) => subnet(id)),
    zones = {},
  } = over;
  const ownRoutes: FakeVpc['routes'] = over.routes ?? {
    'public-a': { isPublic: true },
    'public-b': { isPublic: true },
    'private-a': { hasNat: true, table: 'rtb-2' },
    'private-b': { hasNat: true, table: 'rtb-2' },
    'isolated-a': { table: 'rtb-3' },
  };
  return {
    defaultVpc: async () => (subnets.some(({ vpc }) => vpc === 'vpc-default') ? 'vpc-default' : undefined),
    vpc: async (id) => ({
      id,
      ranges: ['10.0.0.0/16'],
      hasDnsSupport: true,
      hasDnsHostnames: true,
      ...over.vpc,
    }),
    subnetsOf: async (vpc) => subnets.filter((each) => each.vpc === vpc),
    subnets: async (ids) => subnets.filter(({ id }) => ids.includes(id)),
    routes: async (_, ids) => new Map(ids.map((id) => [id, routes(ownRoutes[id])])),
    endpoints: async () => over.endpoints ?? [],
    admitted: async () => over.admitted ?? [],
    zonesOf: async (type) => zones[type] ?? ['a', 'b'],
  };
}

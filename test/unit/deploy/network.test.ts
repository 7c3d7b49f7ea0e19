import { describe, expect, it } from 'vitest';
import type { VpcEndpoint } from '../../../src/core/aws-account/network.ts';
import { builderPlace } from '../../../src/deploy/builder-place.ts';
import { planEndpoints } from '../../../src/deploy/endpoints.ts';
import { chooseNetwork, type NetworkKind, type NetworkRequest } from '../../../src/deploy/network.ts';
import { type FakeVpc, fakeNetwork, subnet } from './fake-network.ts';

const TYPE = 'c7i.large';

async function chosen(kind: NetworkKind, over: Partial<FakeVpc> = {}, wanted: Partial<NetworkRequest> = {}) {
  const { subnets } = await chooseNetwork(fakeNetwork(over), { kind, types: [TYPE], ...wanted });
  return subnets.map(({ id }) => id);
}

describe('the subnets of a cluster', () => {
  it('are one in each zone, with the way out that its machines use', async () => {
    expect(await chosen('public')).toEqual(['public-a', 'public-b']);
    expect(await chosen('private')).toEqual(['private-a', 'private-b']);
    const dualStack = {
      subnets: [
        subnet('six-a', { hasIpv6: true }),
        subnet('four-b'),
        subnet('only-b', { hasIpv6: true }),
      ].map(({ range, ...each }) => (each.id === 'only-b' ? each : { ...each, ...(range && { range }) })),
      routes: { 'six-a': { hasIpv6: true }, 'four-b': { hasIpv6: true }, 'only-b': { hasIpv6: true } },
    };
    // The metadata service is reached by IPv4.
    expect(await chosen('ipv6', dualStack)).toEqual(['six-a']);
  });

  it('are those with the most free addresses', async () => {
    const subnets = [subnet('public-a'), subnet('larger-a', { freeAddresses: 4000 })];
    const routes = { 'public-a': { isPublic: true }, 'larger-a': { isPublic: true } };
    expect(await chosen('public', { subnets, routes })).toEqual(['larger-a']);
    expect(await chosen('endpoints')).toHaveLength(2);
  });

  it('are not in zones that lack an instance type', async () => {
    const zones = { [TYPE]: ['a', 'b'], 't3.small': ['b', 'c'] };
    expect(await chosen('public', { zones }, { types: [TYPE, 't3.small'] })).toEqual(['public-b']);
  });

  it.each<[string, NetworkKind, Partial<FakeVpc>, Partial<NetworkRequest>, RegExp, RegExp]>([
    [
      'without the way out',
      'public',
      {},
      { subnets: 'private-a' },
      /needs a route to an internet gateway, which private-a \(a\) of vpc-default lack/,
      /would do for --network private/,
    ],
    [
      'of a VPC without the way out',
      'private',
      { routes: { 'public-a': { isPublic: true } } },
      {},
      /needs a route to a NAT gateway/,
      /--network public/,
    ],
    [
      'without any way out',
      'public',
      { routes: {} },
      {},
      /needs a route to an internet gateway/,
      /--network endpoints \(which costs\)/,
    ],
    [
      'two in a zone',
      'endpoints',
      {},
      { subnets: 'public-a,private-a' },
      /private-a and public-a are both in zone a/,
      /Name one of them/,
    ],
    [
      'in a zone without the type',
      'public',
      { zones: { [TYPE]: ['b'] } },
      { subnets: 'public-a, public-b' },
      /public-a \(a\) cannot run c7i\.large/,
      /Zones that do: b/,
    ],
    [
      'of a VPC without the type',
      'public',
      { zones: { [TYPE]: [] } },
      {},
      /cannot run/,
      /none in this region/,
    ],
  ])('%s are refused before anything is created', async (_, kind, over, wanted, message, hint) => {
    await expect(chosen(kind, over, wanted)).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringMatching(message),
      hint: expect.stringMatching(hint),
    });
  });
});

describe('the endpoints of a cluster', () => {
  const sqs: VpcEndpoint = {
    id: 'vpce-1',
    service: 'sqs',
    isAvailable: true,
    hasPrivateDns: true,
    groups: ['sg-1'],
  };
  async function plan(over: Partial<FakeVpc> = {}, own: string[] = []) {
    const network = fakeNetwork(over);
    const placement = await chooseNetwork(network, { kind: 'endpoints', types: [TYPE] });
    return await planEndpoints(network, placement, own);
  }
  const all = ['sqs', 'ec2', 'logs', 'autoscaling', 'secretsmanager'];

  it('are created for all services, and for S3 in each route table', async () => {
    expect(await plan()).toEqual({ services: all, routeTables: ['rtb-2', 'rtb-3'], used: [] });
  });

  it('are those of the VPC where it has them with the name of the service, as another cluster of it has', async () => {
    const present = { endpoints: [sqs], admitted: ['10.0.0.0/8'] };
    expect(await plan(present)).toMatchObject({ services: all.slice(1), used: [sqs] });
    const unnamed = { ...sqs, hasPrivateDns: false };
    expect(await plan({ endpoints: [unnamed] })).toMatchObject({ services: all, used: [] });
    expect(await plan({ endpoints: [sqs] }, ['vpce-1'])).toMatchObject({ services: all, used: [] });
  });

  it('have no gateway to S3 in a route table that has one', async () => {
    const routes = { 'public-b': { s3Endpoint: 'vpce-2', table: 'rtb-9' }, 'isolated-a': { table: 'rtb-3' } };
    const subnets = [subnet('isolated-a'), subnet('public-b')];
    expect(await plan({ routes, subnets })).toMatchObject({ routeTables: ['rtb-3'] });
    expect(await plan({ routes, subnets }, ['vpce-2'])).toMatchObject({ routeTables: ['rtb-3', 'rtb-9'] });
  });

  it.each<[string, Partial<FakeVpc>, RegExp, RegExp]>([
    [
      'without host names',
      { vpc: { hasDnsHostnames: false } },
      /enable-dns-hostnames is off/,
      /^aws ec2 modify-vpc-attribute --vpc-id vpc-default --enable-dns-hostnames$/,
    ],
    ['without DNS', { vpc: { hasDnsSupport: false } }, /enable-dns-support is off/, /--enable-dns-support/],
    [
      'with a public range, which would be cut off',
      { vpc: { ranges: ['10.0.0.0/16', '52.0.0.0/16'] } },
      /cut off 52\.0\.0\.0\/16/,
      /--network public/,
    ],
    [
      'with an endpoint that does not work',
      { endpoints: [{ ...sqs, isAvailable: false }] },
      /vpce-1 has the name of sqs in vpc-default, but is not available/,
      /describe-vpc-endpoints/,
    ],
    [
      'with an endpoint that does not admit its machines',
      { endpoints: [sqs], admitted: ['10.9.0.0/16'] },
      /security groups \(sg-1\) do not admit 10\.0\.0\.0\/20/,
      /Add the ranges/,
    ],
  ])('in a VPC %s are refused before anything is created', async (_, over, message, hint) => {
    await expect(plan(over)).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringMatching(message),
      hint: expect.stringMatching(hint),
    });
  });
});

describe('a builder of images', () => {
  const place = (over: Partial<FakeVpc> = {}, subnetId?: string) =>
    builderPlace(fakeNetwork(over), { subnet: subnetId, type: TYPE });

  it('has a public address only in a public subnet', async () => {
    expect(await place()).toEqual({ vpc: 'vpc-default', subnet: 'public-a', hasPublicAddress: true });
    expect(await place({}, 'private-b')).toMatchObject({ subnet: 'private-b', hasPublicAddress: false });
  });

  it('does not start where it could not download anything', async () => {
    await expect(place({}, 'isolated-a')).rejects.toThrow('isolated-a has a route to the internet');
    await expect(place({ routes: {} })).rejects.toThrow('no subnet of vpc-default has a route');
  });
});

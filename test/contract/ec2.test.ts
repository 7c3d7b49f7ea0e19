/** The EC2 fleet driver against moto, with a proxy in between that injects faults of EC2 and of the network. */
import {
  CreateLaunchTemplateCommand,
  DescribeInstancesCommand,
  DescribeSubnetsCommand,
  type EC2Client,
} from '@aws-sdk/client-ec2';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createEc2Client } from '../../src/aws/clients.ts';
import { createEc2 } from '../../src/aws/ec2.ts';
import { createEc2Fleet, type Ec2FleetOptions } from '../../src/scaler/drivers/ec2.ts';
import { checkEc2 } from '../../src/scaler/drivers/ec2-check.ts';
import type { FleetDriver } from '../../src/scaler/fleet.ts';
import { virtualClock } from '../unit/virtual-clock.ts';
import {
  type FaultProxy,
  type ProxiedRequest,
  type Reply,
  serviceError,
  startFaultProxy,
} from './fault-proxy.ts';
import { describeFleetDriver } from './fleet-suite.ts';
import { type Moto, standInEnvironment, startMoto } from './moto.ts';

const TEMPLATE = 'imgcls-worker';
const PRIVATE_TEMPLATE = 'imgcls-private-worker';
const moto: Moto | undefined = await startMoto();
const proxy: FaultProxy | undefined = moto && (await startFaultProxy(moto.url));
let client: EC2Client;
let subnets: string[];

beforeAll(async () => {
  if (proxy === undefined) return;
  for (const [name, value] of Object.entries(standInEnvironment(proxy.url))) vi.stubEnv(name, value);
  client = createEc2Client();
  await client.send(
    new CreateLaunchTemplateCommand({
      LaunchTemplateName: TEMPLATE,
      LaunchTemplateData: { ImageId: 'ami-12c6146b', InstanceType: 'c7i.large' },
    }),
  );
  await client.send(
    new CreateLaunchTemplateCommand({
      LaunchTemplateName: PRIVATE_TEMPLATE,
      LaunchTemplateData: {
        ImageId: 'ami-12c6146b',
        InstanceType: 'c7i.large',
        NetworkInterfaces: [{ DeviceIndex: 0, AssociatePublicIpAddress: false }],
        BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { VolumeSize: 16 } }],
      },
    }),
  );
  const { Subnets = [] } = await client.send(new DescribeSubnetsCommand({}));
  subnets = Subnets.slice(0, 2).map(({ SubnetId = '' }) => SubnetId);
});
afterAll(async () => {
  client?.destroy();
  await proxy?.close();
  await moto?.close();
  vi.unstubAllEnvs();
});

let clusters = 0;
function world(over: Partial<Ec2FleetOptions> = {}) {
  const cluster = `cluster-${++clusters}`;
  const clock = virtualClock(Date.now());
  const driver = (): FleetDriver =>
    createEc2Fleet({
      ec2: createEc2(client),
      cluster,
      template: TEMPLATE,
      pools: [{}],
      onDemandPercentage: 100,
      warm: 0,
      maxLifetimeMs: 3_600_000,
      priceOf: (type) => (type === 'c7i.large' ? 0.09 : undefined),
      types: ['c7i.large'],
      clock,
      ...over,
    });
  /** The real state, without the driver's corrections. */
  const real = async (state = 'running'): Promise<string[]> => {
    const { Reservations = [] } = await client.send(
      new DescribeInstancesCommand({
        Filters: [
          { Name: 'tag:imgcls:cluster', Values: [cluster] },
          { Name: 'instance-state-name', Values: [state] },
        ],
      }),
    );
    return Reservations.flatMap(({ Instances = [] }) =>
      Instances.map(({ InstanceId = '' }) => InstanceId),
    ).sort();
  };
  return { driver, real, clock, cluster };
}

const ids = async (driver: FleetDriver) => (await driver.members()).map(({ id }) => id).sort();
const of = (action: string) => (request: ProxiedRequest) => request.action === action;
const refusing = (status: number, code: string) => async (request: ProxiedRequest) =>
  serviceError(request, status, code);
/** The request took effect, but its answer is lost. */
const losingTheAnswer = async (_: ProxiedRequest, forward: () => Promise<Reply>) => {
  await forward();
  return 'reset' as const;
};

if (proxy !== undefined) {
  describeFleetDriver('EC2', async () => {
    const { driver } = world();
    return {
      driver,
      async release() {
        const fleet = driver();
        await fleet.terminate(await ids(fleet));
      },
    };
  });
}

describe.skipIf(proxy === undefined)('instances of EC2', () => {
  const faults = proxy as FaultProxy;
  beforeEach(() => {
    faults.unused();
  });
  afterEach(() => {
    expect(faults.unused(), 'injected faults that no request met').toBe(0);
  });

  it('get their tags for cluster, launch and expiry with the launch itself', async () => {
    const { driver, clock } = world();
    const fleet = driver();
    const { started } = await fleet.launch({ count: 2, decision: '7-1' });
    const [member] = await fleet.members();
    expect(started).toHaveLength(2);
    expect(member).toMatchObject({ state: 'running', hourlyUsd: 0.09 });
    expect(member?.kind).toMatch(/^c7i\.large us-east-1\w on-demand$/);
    // A lifetime of one hour and half an hour's margin.
    expect(member?.expiresAtMs).toBeCloseTo(clock.nowMs() + 5_400_000, -4);
  });

  it('are launched once when the answer to the launch is lost', async () => {
    const { driver, real } = world();
    const fleet = driver();
    // Includes the SDK's own retries.
    faults.inject({ of: of('RunInstances'), times: 6, answer: losingTheAnswer });
    await expect(fleet.launch({ count: 2, decision: '1-1' })).rejects.toMatchObject({ kind: 'transient' });
    expect(await real()).toHaveLength(2);
    await fleet.settle?.(1);
    expect(await ids(fleet)).toEqual(await real());
    const next = await fleet.launch({ count: 1, decision: '1-2' });
    expect(next.started).toHaveLength(1);
    expect(await real()).toHaveLength(3);
  });

  it('are unknown, not none, while the result of a launch is unknown', async () => {
    const { driver, real } = world();
    const fleet = driver();
    faults.inject({ of: of('RunInstances'), times: 12, answer: losingTheAnswer });
    await expect(fleet.launch({ count: 1, decision: '1-1' })).rejects.toThrow();
    await expect(fleet.settle?.(1)).rejects.toMatchObject({ kind: 'transient' });
    await expect(fleet.members()).rejects.toMatchObject({ kind: 'transient' });
    await fleet.settle?.(1);
    expect(await ids(fleet)).toEqual(await real());
    expect(await real()).toHaveLength(1);
  });

  it('are launched once through throttling and errors of the service', async () => {
    const { driver, real } = world();
    const fleet = driver();
    faults.inject({ of: of('RunInstances'), answer: refusing(503, 'RequestLimitExceeded') });
    faults.inject({ of: of('RunInstances'), answer: refusing(500, 'InternalError') });
    faults.inject({ of: of('DescribeInstances'), answer: refusing(503, 'Unavailable') });
    const { started } = await fleet.launch({ count: 2, decision: '1-1' });
    expect(await ids(fleet)).toEqual(started.toSorted());
    expect(await real()).toEqual(started.toSorted());
  });

  it('are members at once, even if EC2 does not list them yet', async () => {
    const { driver } = world();
    const fleet = driver();
    const empty = `<?xml version="1.0"?><DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>proxy</requestId><reservationSet/></DescribeInstancesResponse>`;
    const stale = async () => ({ status: 200, headers: { 'content-type': 'text/xml' }, body: empty });
    const { started } = await fleet.launch({ count: 2, decision: '1-1' });
    faults.inject({ of: of('DescribeInstances'), times: 2, answer: stale });
    expect(await ids(fleet)).toEqual(started.toSorted());
    expect(await ids(fleet)).toEqual(started.toSorted());
    expect(await ids(fleet)).toEqual(started.toSorted());
    // Listed once, then omitted from one listing.
    faults.inject({ of: of('DescribeInstances'), answer: stale });
    expect(await ids(fleet)).toEqual(started.toSorted());
  });

  it('are all listed, over any number of pages', async () => {
    const { driver, real } = world();
    const fleet = driver();
    await fleet.launch({ count: 3, decision: '1-1' });
    const paged = faults.requests.length;
    faults.inject({
      of: of('DescribeInstances'),
      answer: (request, forward) => forward(String(request.body).replace(/MaxResults=\d+/, 'MaxResults=5')),
    });
    await fleet.launch({ count: 4, decision: '1-2' });
    faults.inject({
      of: of('DescribeInstances'),
      answer: (request, forward) => forward(String(request.body).replace(/MaxResults=\d+/, 'MaxResults=5')),
    });
    expect(await ids(driver())).toEqual(await real());
    expect(faults.requests.length).toBeGreaterThan(paged);
  });

  it('come from another pool if one has no capacity, and that one is avoided for a while', async () => {
    const pools = [
      { instanceType: 'c7i.large' },
      { instanceType: 'c6i.large' },
      { instanceType: 'm7i.large' },
    ];
    const { driver, real, clock } = world({ pools, types: pools.map(({ instanceType }) => instanceType) });
    const fleet = driver();
    const tokens: (string | null | undefined)[] = [];
    const typesAsked: string[][] = [];
    const noting = (request: ProxiedRequest) => {
      tokens.push(request.form?.get('ClientToken'));
      typesAsked.push(
        [...(request.form ?? [])]
          .filter(([name]) => name.endsWith('.InstanceType'))
          .map(([, value]) => value),
      );
    };
    faults.inject({
      of: of('CreateFleet'),
      answer: async (request) => {
        noting(request);
        return refusal('InsufficientInstanceCapacity', 'c7i.large');
      },
    });
    faults.inject({
      of: of('CreateFleet'),
      times: 2,
      answer: (request, forward) => {
        noting(request);
        return forward();
      },
    });
    const { started } = await fleet.launch({ count: 2, decision: '1-1' });
    expect(await real()).toEqual(started.toSorted());
    await fleet.launch({ count: 1, decision: '1-2' });
    expect(typesAsked).toEqual([
      ['c7i.large', 'c6i.large', 'm7i.large'],
      ['c6i.large', 'm7i.large'],
      ['c6i.large', 'm7i.large'],
    ]);
    expect(new Set(tokens).size).toBe(3);
    clock.advance(5 * 60_000);
    faults.inject({
      of: of('CreateFleet'),
      answer: (request, forward) => {
        noting(request);
        return forward();
      },
    });
    await fleet.launch({ count: 1, decision: '1-3' });
    expect(typesAsked.at(-1)).toHaveLength(3);
  });

  it('start in the given subnet with a template whose network interface has no public address', async () => {
    const [subnet = ''] = subnets;
    const { driver } = world({ pools: [{ subnet }], template: PRIVATE_TEMPLATE });
    const before = faults.requests.length;
    const { started } = await driver().launch({ count: 1, decision: '1-1' });
    const { Reservations = [] } = await client.send(
      new DescribeInstancesCommand({ InstanceIds: [...started] }),
    );
    expect(Reservations[0]?.Instances?.[0]?.SubnetId).toBe(subnet);
    const launches = faults.requests
      .slice(before)
      .filter(({ action }) => /RunInstances|CreateFleet/.test(action));
    expect(launches.map(({ action }) => action)).toEqual(['CreateFleet']);
  });

  it('are fewer, with the reason, if no pool has capacity', async () => {
    const { driver, real } = world();
    const fleet = driver();
    // Includes the SDK's own retries.
    faults.inject({
      of: of('RunInstances'),
      times: 6,
      answer: refusing(500, 'InsufficientInstanceCapacity'),
    });
    const answer = await fleet.launch({ count: 2, decision: '1-1' });
    expect(answer).toMatchObject({ started: [], retryable: { count: 2 } });
    expect(answer.retryable?.why).toContain('InsufficientInstanceCapacity');
    expect(await real()).toEqual([]);
  });

  it('are none, with what to do, if the launch is not allowed', async () => {
    const { driver } = world();
    faults.inject({ of: of('RunInstances'), answer: refusing(403, 'UnauthorizedOperation') });
    const { permanent } = await driver().launch({ count: 2, decision: '1-1' });
    expect(permanent?.count).toBe(2);
    expect(permanent?.why).toMatch(/ec2:RunInstances.*access is denied.*Grant the named action/);
  });

  it('are spot beyond the on-demand share', async () => {
    const pools = subnets.map((subnet) => ({ instanceType: 'c7i.large', subnet }));
    const { driver } = world({ pools, onDemandPercentage: 25 });
    const fleet = driver();
    const asked: (string | null | undefined)[] = [];
    faults.inject({
      of: of('CreateFleet'),
      answer: (request, forward) => {
        const specification = 'TargetCapacitySpecification';
        asked.push(
          request.form?.get(`${specification}.OnDemandTargetCapacity`),
          request.form?.get(`${specification}.SpotTargetCapacity`),
        );
        return forward();
      },
    });
    await fleet.launch({ count: 4, decision: '1-1' });
    expect(asked).toEqual(['1', '3']);
    expect(await fleet.members()).toHaveLength(4);
  });

  it('cost as spot instances what the market last said before now, by zone', async () => {
    const item = (zone: string, price: string, since: string) =>
      `<item><instanceType>c7i.large</instanceType><productDescription>Linux/UNIX</productDescription><spotPrice>${price}</spotPrice><timestamp>${since}</timestamp><availabilityZone>${zone}</availabilityZone></item>`;
    const asked: (string | null | undefined)[] = [];
    faults.inject({
      of: of('DescribeSpotPriceHistory'),
      answer: async ({ form }) => {
        asked.push(form?.get('InstanceType.1'), form?.get('ProductDescription.1'), form?.get('StartTime'));
        const items = [
          item('us-east-1a', '0.041200', '2026-11-30T20:00:00.000Z'),
          item('us-east-1b', '0.033300', '2026-11-30T21:00:00.000Z'),
          item('us-east-1a', '0.038700', '2026-11-30T21:30:00.000Z'),
        ];
        return {
          status: 200,
          headers: { 'content-type': 'text/xml' },
          body: `<DescribeSpotPriceHistoryResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><spotPriceHistorySet>${items.join('')}</spotPriceHistorySet></DescribeSpotPriceHistoryResponse>`,
        };
      },
    });
    const ec2 = createEc2(client);
    const atMs = Date.UTC(2026, 10, 30, 22);
    expect(await ec2.spotPrices(['c7i.large'], atMs)).toEqual([
      { type: 'c7i.large', zone: 'us-east-1a', usd: 0.0387 },
      { type: 'c7i.large', zone: 'us-east-1b', usd: 0.0333 },
    ]);
    expect(asked).toEqual(['c7i.large', 'Linux/UNIX', '2026-11-30T22:00:00Z']);
    const [real] = await ec2.spotPrices(['c7i.large'], atMs);
    expect(real).toMatchObject({ type: 'c7i.large', usd: expect.any(Number) });
    faults.inject({ of: of('DescribeSpotPriceHistory'), answer: refusing(403, 'UnauthorizedOperation') });
    await expect(ec2.spotPrices(['c7i.large'], atMs)).rejects.toThrow(/ec2:DescribeSpotPriceHistory.*denied/);
  });

  it('end only after they are tagged as draining', async () => {
    const { driver, real } = world();
    const fleet = driver();
    const { started } = await fleet.launch({ count: 1, decision: '1-1' });
    faults.inject({ of: of('CreateTags'), answer: refusing(403, 'UnauthorizedOperation') });
    await expect(fleet.retire(started)).rejects.toMatchObject({ kind: 'permanent' });
    expect(await real()).toEqual(started);
    await fleet.retire(started);
    expect(await real()).toEqual([]);
  });

  it('can be retired again if the first request was lost', async () => {
    const { driver, real, clock } = world();
    const fleet = driver();
    const { started } = await fleet.launch({ count: 1, decision: '1-1' });
    faults.inject({ of: of('TerminateInstances'), answer: refusing(403, 'UnauthorizedOperation') });
    await expect(fleet.retire(started)).rejects.toThrow();
    const next = driver();
    expect(await next.members()).toMatchObject([{ state: 'draining' }]);
    expect(await real()).toEqual(started);
    clock.advance(61_000);
    expect(await next.members()).toMatchObject([{ state: 'running' }]);
    await next.retire(started);
    expect(await real()).toEqual([]);
  });

  it('are terminated although one of the ids does not exist', async () => {
    const { driver, real } = world();
    const fleet = driver();
    const { started } = await fleet.launch({ count: 2, decision: '1-1' });
    await fleet.terminate([...started, 'i-0123456789abcdef0']);
    expect(await real()).toEqual([]);
  });

  it('are stopped for the warm pool, and started first', async () => {
    const { driver, real, clock } = world({ warm: 1 });
    const fleet = driver();
    const { started } = await fleet.launch({ count: 2, decision: '1-1' });
    await fleet.retire(started);
    expect(await real()).toEqual([]);
    const [kept = ''] = await real('stopped');
    expect((await fleet.members()).filter(({ id }) => id === kept)).toMatchObject([{ state: 'stopped' }]);
    clock.advance(60_000);
    const again = await fleet.launch({ count: 2, decision: '1-2' });
    expect(again.started).toHaveLength(2);
    expect(again.started).toContain(kept);
    expect(await real()).toEqual(again.started.toSorted());
    expect((await fleet.members()).map(({ state }) => state)).toEqual(['running', 'running']);
    expect((await driver().members()).map(({ state }) => state)).toEqual(['running', 'running']);
  });
});

describe.skipIf(proxy === undefined)('the check of the settings', () => {
  const faults = proxy as FaultProxy;
  const check = (template: string, instanceTypes: string[] = []) =>
    checkEc2(createEc2(client), { template, instanceTypes });

  it('accepts a template and types that exist', async () => {
    expect(await check(PRIVATE_TEMPLATE)).toEqual({
      types: ['c7i.large'],
      image: expect.stringMatching(/^ami-/),
      attached: { diskGb: 16, hasPublicAddress: false },
    });
    const { types } = await check(`${TEMPLATE}:1`, ['c7i.large', 'm7i.large']);
    expect(types).toEqual(['c7i.large', 'm7i.large']);
  });
  it('refuses a launch template that does not exist', async () => {
    await expect(check('nowhere')).rejects.toMatchObject({
      kind: 'config',
      message: expect.stringMatching(/^Could not read launch template nowhere .*no such launch template/),
      hint: expect.stringContaining('--launch-template'),
    });
  });
  it('refuses an instance type that EC2 does not have', async () => {
    await expect(check(TEMPLATE, ['c99.huge'])).rejects.toMatchObject({
      kind: 'config',
      message: expect.stringMatching(/c99\.huge/),
      hint: expect.stringMatching(/describe-instance-types/),
    });
  });
  it('refuses a type of another architecture than the image', async () => {
    await expect(check(TEMPLATE, ['c7g.large'])).rejects.toMatchObject({
      kind: 'config',
      message: expect.stringMatching(/^c7g\.large cannot run image .*, which is for x86_64/),
    });
  });
  it('refuses a type with too little memory', async () => {
    await expect(check(TEMPLATE, ['t2.nano'])).rejects.toMatchObject({
      message: 'These instance types have too little memory for a worker: t2.nano (0.5 GiB).',
    });
  });
  it.each([
    [
      'UnauthorizedOperation',
      403,
      /ec2:DescribeLaunchTemplateVersions.*access is denied/,
      /Grant the named action/,
    ],
    ['RequestExpired', 400, /credentials have expired, or the clock/, /get new credentials/],
    ['AuthFailure', 401, /./, /A wrong clock on this machine causes the same error/],
  ])('explains the answer %s of EC2 in one line', async (code, status, words, wayOut) => {
    faults.inject({ of: of('DescribeLaunchTemplateVersions'), times: 6, answer: refusing(status, code) });
    await expect(check(TEMPLATE)).rejects.toMatchObject({
      message: expect.stringMatching(words),
      hint: expect.stringMatching(wayOut),
    });
    faults.unused();
  });
});

/** CreateFleet's answer if one pool has no capacity and the others were not tried. */
const refusal = (code: string, type: string): Reply => ({
  status: 200,
  headers: { 'content-type': 'text/xml' },
  body: `<?xml version="1.0" encoding="UTF-8"?><CreateFleetResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>proxy</requestId><fleetId>fleet-1</fleetId><errorSet><item><errorCode>${code}</errorCode><errorMessage>no capacity</errorMessage><lifecycle>on-demand</lifecycle><launchTemplateAndOverrides><overrides><instanceType>${type}</instanceType></overrides></launchTemplateAndOverrides></item></errorSet><fleetInstanceSet/></CreateFleetResponse>`,
});

import { describe, expect, it } from 'vitest';
import { createEc2 } from '../../../../src/aws/ec2.ts';
import type { Ec2 } from '../../../../src/core/aws-account/ec2.ts';
import { priceOf } from '../../../../src/core/money/prices.ts';
import {
  AUTO,
  choosePools,
  onDemandPercentageOf,
  ranked,
  typesOf,
} from '../../../../src/scaler/drivers/instance-choice.ts';
import { Estimator } from '../../../../src/scaler/estimator.ts';
import { virtualClock } from '../../virtual-clock.ts';

type View = Pick<Ec2, 'template' | 'types' | 'imageArchitecture' | 'offerings' | 'zonesOf'>;

/** A region in which zone e lacks all types but one. */
const regionWith = (architecture: string, over: Partial<View> = {}): View => ({
  template: async () => ({ instanceType: 'c7i.large', imageId: 'ami-1' }),
  imageArchitecture: async () => architecture,
  types: async (names) =>
    names.map((type) => ({ type, architectures: [architecture], memoryBytes: 2 ** 32 })),
  offerings: async (names) =>
    names.flatMap((type, n) => [
      { type, zone: 'us-east-1a' },
      ...(n === 0 ? [{ type, zone: 'us-east-1e' }] : []),
    ]),
  zonesOf: async (subnets) => new Map(subnets.map((subnet) => [subnet, `us-east-1${subnet.at(-1)}`])),
  ...over,
});
const choose = (region: View, instanceTypes: string[], subnets = ['subnet-a', 'subnet-e']) =>
  choosePools(region, { template: 'workers', instanceTypes, subnets });

it.each([
  ['spot first among many types', { instanceTypes: [AUTO] }, 0],
  ['on demand of one type, and in an Auto Scaling group', { instanceTypes: ['c7i.large'] }, 100],
  ['on demand of the type of the launch template', {}, 100],
  ['as a person says', { instanceTypes: [AUTO], onDemandPercentage: 30 }, 30],
])('instances are launched %s', (_, settings, percentage) => {
  expect(onDemandPercentageOf(settings)).toBe(percentage);
});

describe('instance types that nobody named', () => {
  it.each(['x86_64', 'arm64'])(
    'are at least ten of the architecture of the image: %s',
    async (architecture) => {
      const pools = await choose(regionWith(architecture), [AUTO]);
      expect(typesOf(pools).length).toBeGreaterThanOrEqual(10);
      for (const type of typesOf(pools)) {
        expect(priceOf(type, 'on-demand'), type).toBeGreaterThan(0);
        expect(/^\w+g[dn]?\./.test(type), type).toBe(architecture === 'arm64');
      }
    },
  );

  it('are requested only in zones that have them', async () => {
    const pools = await choose(regionWith('x86_64'), [AUTO]);
    expect(pools.filter(({ subnet }) => subnet === 'subnet-e')).toHaveLength(1);
    expect(pools.filter(({ subnet }) => subnet === 'subnet-a').length).toBeGreaterThanOrEqual(10);
  });

  it('are known also if EC2 resolves the image at the launch only', async () => {
    const region = regionWith('arm64', {
      template: async () => ({ instanceType: 'c7g.large', imageId: 'resolve:ssm:/imgcls/image' }),
    });
    expect(typesOf(await choose(region, [AUTO]))).toContain('m7g.large');
  });

  it('do not replace those that a person names besides', async () => {
    await expect(choose(regionWith('x86_64'), [AUTO, 'c7i.xlarge'])).rejects.toMatchObject({
      kind: 'config',
      message: expect.stringContaining('would be ignored'),
    });
  });

  it('are an error with the way out if the zones have none', async () => {
    await expect(choose(regionWith('x86_64', { offerings: async () => [] }), [AUTO])).rejects.toMatchObject({
      kind: 'config',
      hint: expect.stringContaining('--instance-types'),
    });
  });

  it('leave named ones alone', async () => {
    expect(await choose(regionWith('x86_64'), ['c7i.large'], [])).toEqual([{ instanceType: 'c7i.large' }]);
    expect(await choose(regionWith('x86_64'), [], [])).toEqual([{}]);
  });
});

describe('the rate of an instance type', () => {
  const status = (id: string, imagesPerSecond: number, busyShare = 1) =>
    [
      id,
      {
        status: {
          id,
          imagesPerSecond,
          busyShare,
          imagesDone: 100,
          messagesDone: 5,
          startedAtMs: 0,
          boot: {},
        },
        silentForMs: 0,
        modifiedAtMs: 0,
        isNew: true,
      },
    ] as const;
  const member = (id: string, instanceType: string) => ({
    id,
    instanceType,
    state: 'running' as const,
    launchedAtMs: 0,
  });
  const depth = { waiting: 0, inFlight: 0, delayed: 0 };

  it('is measured from the reports of busy workers, and kept for the next controller', () => {
    const prior = { imagesPerSecond: 20, bootMs: 0 };
    const readings = {
      depths: [depth, depth] as const,
      members: [member('a', 'c6a.large'), member('b', 'c7i.large'), member('c', 'c7i.large')],
      // The last one hardly had work.
      statuses: new Map([status('a', 10), status('b', 20, 0.5), status('c', 1, 0.01)]) as never,
      records: [],
    };
    const first = new Estimator(prior, virtualClock());
    const { measured } = first.observation(readings);
    expect(measured.imagesPerSecondByType).toEqual({ 'c6a.large': 10, 'c7i.large': 40 });
    const next = new Estimator(prior, virtualClock());
    next.remember(measured);
    const idle = { ...readings, members: [], statuses: new Map() as never };
    expect(next.observation(idle).measured.imagesPerSecondByType).toEqual(measured.imagesPerSecondByType);
  });
});

describe('the types of a fleet', () => {
  const listPrice = (type: string) => priceOf(type, 'on-demand');
  const pools = ['c6a.large', 'c7i.large', 'c7i.xlarge'].map((instanceType) => ({ instanceType }));
  const order = (imagesPerSecondByType: Record<string, number>) =>
    ranked(pools, { imagesPerSecondByType, priceOf: listPrice })
      .toSorted((a, b) => (a.priority ?? 0) - (b.priority ?? 0))
      .map(({ instanceType }) => instanceType);

  it('are launched by price for a core until one was measured', () => {
    expect(order({})).toEqual(['c6a.large', 'c7i.large', 'c7i.xlarge']);
  });

  it('are launched by measured images a dollar, and those not measured as if a core did as much there', () => {
    expect(order({ 'c6a.large': 20, 'c7i.large': 40 })[0]).toBe('c7i.large');
    expect(order({ 'c7i.xlarge': 60 })[0]).toBe('c6a.large');
    expect(order({ 'c6a.large': 20, 'c7i.large': 20, 'c7i.xlarge': 60 })[0]).toBe('c7i.xlarge');
  });

  it('come last without a price', () => {
    const [, last] = ranked([{ instanceType: 'c99z.large' }, { instanceType: 'c7i.large' }], {
      imagesPerSecondByType: { 'c99z.large': 1000 },
      priceOf: listPrice,
    }).toSorted((a, b) => (a.priority ?? 0) - (b.priority ?? 0));
    expect(last?.instanceType).toBe('c99z.large');
  });

  it('have their priority in the request, and AWS keeps it', async () => {
    const sent: { input: object }[] = [];
    const ec2 = createEc2({
      send: async (command: { input: object }) => {
        sent.push(command);
        return {};
      },
    } as never);
    const launch = { token: '', template: 'workers', onDemand: 0, spot: 1, tags: {} };
    await ec2.launch({ ...launch, pools: ranked(pools, { imagesPerSecondByType: {}, priceOf: listPrice }) });
    expect(sent[0]?.input).toMatchObject({
      SpotOptions: { AllocationStrategy: 'capacity-optimized-prioritized' },
      OnDemandOptions: { AllocationStrategy: 'prioritized' },
      LaunchTemplateConfigs: [
        {
          Overrides: [
            { InstanceType: 'c6a.large', Priority: 0 },
            { InstanceType: 'c7i.large', Priority: 1 },
            // Per dollar it does as much.
            { InstanceType: 'c7i.xlarge', Priority: 1 },
          ],
        },
      ],
    });
  });
});

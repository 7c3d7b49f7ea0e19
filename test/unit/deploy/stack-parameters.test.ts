import { describe, expect, it } from 'vitest';
import type { WorkerImage } from '../../../src/core/aws-account/account.ts';
import type { Stack } from '../../../src/core/aws-account/stacks.ts';
import type { RequestedParameter } from '../../../src/deploy/parameters.ts';
import { stackParameters } from '../../../src/deploy/stack-parameters.ts';
import { type FakeVpc, fakeNetwork, subnet } from './fake-network.ts';

const image = (id: string, architecture = 'x86_64', version = '1'): WorkerImage => ({
  id,
  architecture,
  createdAtMs: 0,
  version,
  snapshots: [],
});

const SUBNETS = [subnet('subnet-b'), subnet('subnet-a'), subnet('subnet-x', { vpc: 'vpc-other', zone: 'a' })];
const PUBLIC = Object.fromEntries(SUBNETS.map(({ id }) => [id, { isPublic: true }]));

/** An account with a default VPC of two public subnets, and an image for each architecture. */
function account(
  over: Partial<FakeVpc> & { images?: WorkerImage[]; canReserveOne?: boolean; key?: string } = {},
) {
  return {
    network: fakeNetwork({ subnets: SUBNETS, routes: PUBLIC, ...over }),
    stacks: { resources: async () => [] },
    images: {
      list: async () => over.images ?? [image('ami-new'), image('ami-old'), image('ami-arm', 'arm64')],
    },
    ec2: {
      types: async (names: readonly string[]) =>
        names
          .filter((type) => !type.startsWith('zz'))
          .map((type) => ({
            type,
            architectures: [/^\w+g\./.test(type) ? 'arm64' : 'x86_64'],
            memoryBytes: 2 ** 32,
          })),
      imageArchitecture: async (id: string) => ({ 'ami-mine': 'x86_64', 'ami-arm': 'arm64' })[id],
    },
    volumes: { customerKey: async () => over.key },
    functions: { canReserveOne: async () => over.canReserveOne ?? true },
  };
}

const summary = {
  capabilities: [],
  parameters: [
    { name: 'ClusterName' },
    { name: 'VpcId' },
    { name: 'SubnetIds' },
    { name: 'Network', fallback: 'public' },
    { name: 'EndpointServices', fallback: 'sqs' },
    { name: 'WithWeb', fallback: 'false' },
    { name: 'WebSubnetIds', fallback: '' },
    { name: 'RouteTableIds', fallback: '' },
    { name: 'WorkerImageId' },
    { name: 'InstanceType', fallback: 'c7i.large' },
    { name: 'InstanceTypes', fallback: 'auto' },
    { name: 'WebInstanceType', fallback: 't3.small' },
    { name: 'ControllerCode', fallback: 'none' },
    { name: 'ReserveConcurrency', fallback: 'true' },
    { name: 'VolumeKeyArn', fallback: '' },
    { name: 'Model', fallback: 'efficientnet-lite0' },
    { name: 'MaxWorkers', fallback: '4' },
  ],
};
const stack: Stack = {
  id: 'id',
  name: 'imgcls-test',
  status: 'CREATE_COMPLETE',
  outputs: {},
  parameters: {
    ClusterName: 'test',
    VpcId: 'vpc-default',
    SubnetIds: 'subnet-a,subnet-b',
    Network: 'public',
    EndpointServices: 'sqs',
    WithWeb: 'false',
    WebSubnetIds: '',
    RouteTableIds: '',
    WorkerImageId: 'ami-old',
    InstanceType: 'c7i.large',
    InstanceTypes: 'auto',
    WebInstanceType: 't3.small',
    ReserveConcurrency: 'false',
    VolumeKeyArn: '',
    Model: 'resnet50',
    MaxWorkers: '9',
  },
};
const CODE = `controller/${'0'.repeat(64)}.zip`;
const notices: string[] = [];
const choose = (
  wanted: Record<string, string>,
  over: Parameters<typeof account>[0] = {},
  before?: Stack,
  model?: string,
) =>
  stackParameters(
    before,
    {
      cluster: 'test',
      model,
      summary,
      version: '1',
      controllerCode: CODE,
      notice: (text) => void notices.push(text),
      buildImage: async ({ architectures: [architecture = ''] }, vpc) => ({
        id: `ami-built-in-${vpc}`,
        architecture,
      }),
      wanted: Object.entries(wanted).map(
        ([parameter, value]): RequestedParameter => ({ flag: '--some', parameter, value }),
      ),
    },
    account(over),
  );

describe('a new cluster', () => {
  it('uses the default VPC and the newest image, and otherwise the defaults of the template', async () => {
    expect(await choose({})).toEqual({
      ClusterName: { value: 'test' },
      ControllerCode: { value: CODE },
      ReserveConcurrency: { value: 'true' },
      VpcId: { value: 'vpc-default' },
      SubnetIds: { value: 'subnet-a,subnet-b' },
      WorkerImageId: { value: 'ami-new' },
    });
  });

  it('takes the model of the settings, unless a flag names another', async () => {
    expect(await choose({}, {}, undefined, 'resnet50')).toMatchObject({ Model: { value: 'resnet50' } });
    expect(await choose({ Model: 'other' }, {}, undefined, 'resnet50')).toMatchObject({
      Model: { value: 'other' },
    });
  });

  it('takes the VPC of requested subnets, and all subnets of a requested VPC', async () => {
    expect(await choose({ SubnetIds: 'subnet-x' })).toMatchObject({
      VpcId: { value: 'vpc-other' },
      SubnetIds: { value: 'subnet-x' },
    });
    expect(await choose({ VpcId: 'vpc-other' })).toMatchObject({ SubnetIds: { value: 'subnet-x' } });
  });

  it('reserves no concurrent execution in an account that has too few', async () => {
    expect(await choose({}, { canReserveOne: false })).toMatchObject({
      ReserveConcurrency: { value: 'false' },
    });
  });

  it('may use the customer key of volumes, if the account has one', async () => {
    const key = 'arn:aws:kms:us-east-1:123456789012:key/1';
    expect(await choose({}, { key })).toMatchObject({ VolumeKeyArn: { value: key } });
    expect(notices.at(-1)).toMatch(/encrypts volumes with .*key\/1\. .*--fleet asg/);
  });

  it('on ARM has a page that runs the same image', async () => {
    expect(await choose({ InstanceType: 'c7g.large' })).toMatchObject({
      WorkerImageId: { value: 'ami-arm' },
      WebInstanceType: { value: 't4g.small' },
    });
    await expect(choose({ InstanceType: 'c7g.large', WebInstanceType: 't3.small' })).rejects.toThrow(
      'Image ami-arm is for arm64, but t3.small is x86_64',
    );
  });

  it('with endpoints has those that its VPC lacks, and a free one for S3', async () => {
    expect(await choose({ Network: 'endpoints' })).toMatchObject({
      EndpointServices: { value: 'sqs,ec2,logs,autoscaling,secretsmanager' },
      RouteTableIds: { value: 'rtb-1' },
    });
  });

  it('gets its first image built in its VPC', async () => {
    expect(await choose({ VpcId: 'vpc-other' }, { images: [] })).toMatchObject({
      WorkerImageId: { value: 'ami-built-in-vpc-other' },
    });
    expect(await choose({}, { images: [image('ami-arm', 'arm64')] })).toMatchObject({
      WorkerImageId: { value: 'ami-built-in-vpc-default' },
    });
  });

  it('with a page has two zones for its load balancer', async () => {
    expect(await choose({ WithWeb: 'true' })).toMatchObject({ SubnetIds: { value: 'subnet-a,subnet-b' } });
    await expect(choose({ WithWeb: 'true', SubnetIds: 'subnet-a' })).rejects.toThrow(
      'The page needs subnets in 2 zones, but subnet-a (a) is the only one',
    );
    expect(
      await choose({ WithWeb: 'true', SubnetIds: 'subnet-a', WebSubnetIds: 'subnet-a,subnet-c' }),
    ).toMatchObject({ SubnetIds: { value: 'subnet-a' } });
  });

  it.each([
    ['has no VPC', {}, { subnets: [] }, /no default VPC/, /--vpc/],
    ['has no subnets', { VpcId: 'vpc-none' }, {}, /No subnets found in vpc-none/, /--subnets/],
    [
      'would be in two VPCs',
      { SubnetIds: 'subnet-a, subnet-x' },
      {},
      /one VPC \(vpc-default\), but subnet-x is in vpc-other/,
      /--subnets/,
    ],
    [
      'would be cut off',
      {},
      { routes: {} },
      /needs a route to an internet gateway, which subnet-a \(a\), subnet-b \(b\) of vpc-default lack/,
      /--network endpoints/,
    ],
    [
      'uses an image that does not exist',
      { WorkerImageId: 'ami-gone' },
      {},
      /ami-gone was not found/,
      /describe-images/,
    ],
    [
      'uses an instance type that does not exist',
      { InstanceType: 'zz.large' },
      {},
      /no instance type zz\.large/,
      /describe-instance-types/,
    ],
    [
      'sets a parameter that the template lacks',
      { Nothing: '1' },
      {},
      /no parameter Nothing \(--some\)/,
      /It has ClusterName/,
    ],
  ])('that %s is refused before anything is created', async (_, wanted, over, message, hint) => {
    await expect(choose(wanted as Record<string, string>, over)).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringMatching(message),
      hint: expect.stringMatching(hint),
    });
  });
});

describe('an existing cluster', () => {
  it('keeps every parameter without a flag, except the image', async () => {
    const kept = Object.keys(stack.parameters).map((name) => [name, 'previous']);
    expect(await choose({}, { routes: {} }, stack, 'other')).toEqual({
      ...Object.fromEntries(kept),
      ClusterName: { value: 'test' },
      ControllerCode: { value: CODE },
      WorkerImageId: { value: 'ami-new' },
    });
    expect(await choose({ MaxWorkers: '2' }, {}, stack)).toMatchObject({
      MaxWorkers: { value: '2' },
      VpcId: 'previous',
    });
  });

  it('that changes its network keeps its VPC', async () => {
    const elsewhere = { ...stack, parameters: { ...stack.parameters, VpcId: 'vpc-other' } };
    expect(await choose({ Network: 'endpoints' }, {}, elsewhere)).toMatchObject({
      VpcId: { value: 'vpc-other' },
      SubnetIds: { value: 'subnet-x' },
      RouteTableIds: { value: 'rtb-1' },
    });
  });

  it('moves to another VPC only without its page', async () => {
    const withPage = { ...stack, parameters: { ...stack.parameters, WithWeb: 'true' } };
    await expect(choose({ VpcId: 'vpc-other' }, {}, withPage)).rejects.toMatchObject({
      message: 'The page cannot move from vpc-default to vpc-other.',
      hint: expect.stringContaining('--no-with-web'),
    });
    expect(await choose({ VpcId: 'vpc-other' }, {}, stack)).toMatchObject({ VpcId: { value: 'vpc-other' } });
  });

  it('takes the default of a parameter that its template did not have before', async () => {
    const { MaxWorkers: _, ...older } = stack.parameters;
    expect(await choose({}, {}, { ...stack, parameters: older })).not.toHaveProperty('MaxWorkers');
  });

  it('gets a notice when its image has another version of imgcls', async () => {
    await choose({}, { images: [image('ami-1', 'x86_64', '0.9')] }, stack);
    expect(notices.at(-1)).toMatch(
      /ami-1 has imgcls 0\.9, this is 1\. Build a new one with "imgcls ami build"/,
    );
  });
});

it('a missing required parameter is named', async () => {
  const request = {
    cluster: 'test',
    model: undefined,
    summary: { capabilities: [], parameters: [{ name: 'Colour' }] },
    version: '1',
    controllerCode: undefined,
    notice() {},
    buildImage: async () => ({ id: 'ami-1', architecture: 'x86_64' }),
    wanted: [],
  };
  await expect(stackParameters(undefined, request, account())).rejects.toMatchObject({
    message: 'Missing template parameters: Colour.',
    hint: 'Use --parameter Colour=VALUE.',
  });
});

describe('the instance types of a cluster', () => {
  it('are the usual ones for a new cluster', async () => {
    expect(await choose({})).not.toHaveProperty('InstanceTypes');
  });

  it('are the one that a person names', async () => {
    expect(await choose({ InstanceType: 'c7g.large' })).toMatchObject({
      InstanceTypes: { value: 'c7g.large' },
    });
  });

  it('stay the one type of a cluster from before there was a choice', async () => {
    const { InstanceTypes: _later, ...older } = stack.parameters;
    expect(await choose({}, {}, { ...stack, parameters: older })).toMatchObject({
      InstanceTypes: { value: 'c7i.large' },
    });
  });
});

/** The limits that the proxy enforces, and that moto itself lacks. */
import {
  CloudFormationClient,
  CreateChangeSetCommand,
  ExecuteChangeSetCommand,
} from '@aws-sdk/client-cloudformation';
import {
  CreateFleetCommand,
  CreateLaunchTemplateCommand,
  CreateSubnetCommand,
  CreateTagsCommand,
  CreateVpcEndpointCommand,
  DescribeInstanceTypeOfferingsCommand,
  DescribeSubnetsCommand,
  EC2Client,
  ModifyVpcAttributeCommand,
  RunInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { CreateQueueCommand, SendMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createPermissions } from '../../src/aws/permissions.ts';
import { awsLimits } from './aws-limits.ts';
import { openDefaultVpc } from './default-vpc.ts';
import { startFaultProxy } from './fault-proxy.ts';
import { standInEnvironment, startMoto } from './moto.ts';

const moto = await startMoto();
const proxy = moto && (await startFaultProxy(moto.url));
const IMAGE = 'ami-12c6146b';

describe.skipIf(proxy === undefined)("AWS's limits", () => {
  let ec2: EC2Client;
  let stacks: CloudFormationClient;
  let sqs: SQSClient;
  let vpc: string;
  /** By zone. */
  let subnets: Map<string, string>;

  beforeAll(async () => {
    for (const [name, value] of Object.entries(standInEnvironment(proxy?.url ?? ''))) vi.stubEnv(name, value);
    proxy?.enforce(
      awsLimits({ motoUrl: moto?.url ?? '', vCpus: 5, notOffered: { 'us-east-1e': ['c7i.large'] } }),
    );
    ec2 = new EC2Client({ maxAttempts: 1 });
    stacks = new CloudFormationClient({ maxAttempts: 1 });
    sqs = new SQSClient({ maxAttempts: 1 });
    vpc = await openDefaultVpc(ec2);
    const { Subnets = [] } = await ec2.send(new DescribeSubnetsCommand({}));
    subnets = new Map(
      Subnets.map(({ AvailabilityZone = '', SubnetId = '' }) => [AvailabilityZone, SubnetId]),
    );
  });
  afterAll(async () => {
    for (const client of [ec2, stacks, sqs]) client?.destroy();
    await proxy?.close();
    await moto?.close();
    vi.unstubAllEnvs();
  });

  it('are 1,000 ids in a request to EC2 and 10 entries in a batch of SQS', async () => {
    const ids = Array.from({ length: 1001 }, (_, at) => `i-${String(at).padStart(17, '0')}`);
    const tooMany = { name: 'RequestResourceCountExceeded' };
    await expect(ec2.send(new TerminateInstancesCommand({ InstanceIds: ids }))).rejects.toMatchObject(
      tooMany,
    );
    const Tags = [{ Key: 'a', Value: 'b' }];
    await expect(ec2.send(new CreateTagsCommand({ Resources: ids, Tags }))).rejects.toMatchObject(tooMany);
    await expect(
      ec2.send(new TerminateInstancesCommand({ InstanceIds: ids.slice(1) })),
    ).rejects.toMatchObject({ name: 'InvalidInstanceID.NotFound' });
    const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: 'any' }));
    const Entries = ids.slice(0, 11).map((Id) => ({ Id, MessageBody: Id }));
    await expect(sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }))).rejects.toMatchObject({
      message: 'Maximum number of entries per request are 10. You have sent 11.',
    });
  });

  it('are the zones that offer a type, and the vCPUs of a new account', async () => {
    const { InstanceTypeOfferings = [] } = await ec2.send(
      new DescribeInstanceTypeOfferingsCommand({
        LocationType: 'availability-zone',
        Filters: [{ Name: 'instance-type', Values: ['c7i.large'] }],
      }),
    );
    const zones = InstanceTypeOfferings.map(({ Location }) => Location);
    expect(zones).toContain('us-east-1a');
    expect(zones).not.toContain('us-east-1e');
    const launch = (SubnetId: string | undefined, MaxCount: number) =>
      ec2.send(
        new RunInstancesCommand({
          ImageId: IMAGE,
          InstanceType: 'c7i.large',
          SubnetId,
          MinCount: 1,
          MaxCount,
        }),
      );
    await expect(launch(subnets.get('us-east-1e'), 1)).rejects.toMatchObject({ name: 'Unsupported' });
    await expect(launch(subnets.get('us-east-1a'), 3)).rejects.toMatchObject({ name: 'VcpuLimitExceeded' });
    await launch(subnets.get('us-east-1a'), 2);
    const template = {
      LaunchTemplateName: 'any',
      LaunchTemplateData: { InstanceType: 'c7i.large' as const },
    };
    await ec2.send(new CreateLaunchTemplateCommand(template));
    const types = ['c7i.large', 'm7i.large'] as const;
    const { Errors, Instances } = await ec2.send(
      new CreateFleetCommand({
        Type: 'instant',
        LaunchTemplateConfigs: [
          {
            LaunchTemplateSpecification: { LaunchTemplateName: 'any', Version: '$Latest' },
            Overrides: types.map((InstanceType) => ({ InstanceType, SubnetId: subnets.get('us-east-1a') })),
          },
        ],
        TargetCapacitySpecification: { TotalTargetCapacity: 1, DefaultTargetCapacityType: 'on-demand' },
      }),
    );
    expect(Errors).toMatchObject([{ ErrorCode: 'VcpuLimitExceeded' }]);
    expect(Instances ?? []).toEqual([]);
  });

  const endpoint = (subnetIds: (string | undefined)[]) => `
    Type: AWS::EC2::VPCEndpoint
    Properties:
      VpcId: ${vpc}
      VpcEndpointType: Interface
      ServiceName: com.amazonaws.us-east-1.sqs
      PrivateDnsEnabled: true
      SubnetIds: [${subnetIds.join(', ')}]`;
  const balancer = (scheme: string, zones: string[]) => `
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties:
      Name: page
      Scheme: ${scheme}
      Subnets: [${zones.map((zone) => subnets.get(zone)).join(', ')}]`;
  const propose = (StackName: string, resource: string, ChangeSetType: 'CREATE' | 'UPDATE' = 'CREATE') =>
    stacks.send(
      new CreateChangeSetCommand({
        StackName,
        ChangeSetName: `change-${proxy?.requests.length}`,
        ChangeSetType,
        TemplateBody: `Parameters: {}\nConditions: {}\nResources:\n  It:${resource}\n`,
      }),
    );

  it('are one subnet in each zone for endpoints and load balancers, and two zones for a page', async () => {
    const { Subnet } = await ec2.send(
      new CreateSubnetCommand({
        VpcId: vpc,
        CidrBlock: '172.31.240.0/20',
        AvailabilityZone: 'us-east-1a',
      }),
    );
    await expect(propose('a', endpoint([subnets.get('us-east-1a'), Subnet?.SubnetId]))).rejects.toThrow(
      'DuplicateSubnetsInSameZone',
    );
    await expect(propose('a', balancer('internal', ['us-east-1a']))).rejects.toThrow('At least two subnets');
  });

  it('are the names of endpoints and the attributes of their VPC', async () => {
    const sqsEndpoint = endpoint([subnets.get('us-east-1b')]);
    await ec2.send(new ModifyVpcAttributeCommand({ VpcId: vpc, EnableDnsHostnames: { Value: false } }));
    await expect(propose('b', sqsEndpoint)).rejects.toThrow('Enabling private DNS requires');
    await ec2.send(new ModifyVpcAttributeCommand({ VpcId: vpc, EnableDnsHostnames: { Value: true } }));
    await ec2.send(
      new CreateVpcEndpointCommand({
        VpcId: vpc,
        VpcEndpointType: 'Interface',
        ServiceName: 'com.amazonaws.us-east-1.sqs',
        PrivateDnsEnabled: true,
      }),
    );
    await expect(propose('b', sqsEndpoint)).rejects.toThrow('conflicting DNS domain for sqs.us-east-1');
  });

  it('are custom names of resources that require replacing', async () => {
    const zones = ['us-east-1a', 'us-east-1b'];
    const { Id: ChangeSetName, StackId: StackName } = await propose('c', balancer('internal', zones));
    await stacks.send(new ExecuteChangeSetCommand({ ChangeSetName, StackName }));
    await expect(propose('c', balancer('internet-facing', zones), 'UPDATE')).rejects.toThrow(
      'when a custom-named resource requires replacing. Rename page',
    );
  });

  it('let the caller do everything, as moto does, when the simulator of policies is asked', async () => {
    const permissions = createPermissions({});
    const wanted = { action: 'sqs:SendMessage', resource: 'arn:aws:sqs:us-east-1:123456789012:any' };
    expect(await permissions.lacking('arn:aws:iam::123456789012:user/somebody', [wanted])).toEqual([]);
    permissions.end();
  });

  it('are told apart from errors of the proxy itself, which name their cause', async () => {
    const written = vi.spyOn(console, 'error').mockImplementation(() => {});
    proxy?.inject({
      of: ({ action }) => action === 'CreateQueue',
      answer: () => Promise.reject(new TypeError('not a function')),
    });
    await expect(sqs.send(new CreateQueueCommand({ QueueName: 'any' }))).rejects.toThrow(
      'The proxy failed: TypeError: not a function',
    );
    expect(written).toHaveBeenCalledWith(
      expect.stringContaining('CreateQueue'),
      expect.objectContaining({ message: 'not a function' }),
    );
    written.mockRestore();
  });
});

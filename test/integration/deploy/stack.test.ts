/** Deploys the template to the moto server, and checks that all its resources exist with their properties. */
import { AutoScalingClient, DescribeAutoScalingGroupsCommand } from '@aws-sdk/client-auto-scaling';
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { EC2Client } from '@aws-sdk/client-ec2';
import { GetPolicyVersionCommand, GetRolePolicyCommand, IAMClient } from '@aws-sdk/client-iam';
import { GetFunctionConfigurationCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Moto, standInEnvironment, startMoto } from '../../contract/moto.ts';
import { type MotoStack, makeStack, placeOf } from './moto-stack.ts';
import { isThere, type Made, release } from './stand-in.ts';
import { type Resource, readTemplate, resourcesWith, SUBMITTERS } from './template.ts';

/** Types that moto's CloudFormation silently skips. */
const UNKNOWN_TO_MOTO: Readonly<Record<string, string>> = {
  'AWS::S3::BucketPolicy': 'template.test.ts holds what it says',
  'AWS::SQS::QueuePolicy': 'template.test.ts holds what it says',
  'AWS::SecretsManager::Secret': 'the page can be given one that a test makes',
  'AWS::SNS::Subscription': 'moto has subscriptions, but not of stacks',
  'AWS::SNS::TopicPolicy': 'cdk-nag holds that it asks for TLS',
  'AWS::CloudWatch::Alarm': 'moto has alarms, but not of stacks',
  'AWS::Lambda::EventInvokeConfig': 'template.test.ts holds what it says',
  'AWS::Scheduler::Schedule': 'template.test.ts holds what it says',
};

const VARIANTS: { name: string; parameters: Record<string, string> }[] = [
  { name: 'default', parameters: {} },
  {
    name: 'everything',
    parameters: {
      ClusterName: 'everything',
      Fleet: 'asg',
      WithWeb: 'true',
      WebIngressCidr: '198.51.100.0/24',
      WebHostName: 'labels.example.org',
      Network: 'endpoints',
      ReadBuckets: 'photographs-one,photographs-two',
      ReadKeyArns: 'arn:aws:kms:us-east-1:123456789012:key/1',
      ...SUBMITTERS,
      AlarmEmail: 'somebody@example.org',
    },
  },
];

const template = readTemplate();
const moto: Moto | undefined = await startMoto();
if (moto !== undefined)
  for (const [name, value] of Object.entries(standInEnvironment(moto.url))) vi.stubEnv(name, value);
const cloudFormation = new CloudFormationClient({});
const ec2 = new EC2Client({});
let place: Record<string, string>;

interface Deployed extends MotoStack {
  /** The resources that the parameters select. */
  declared: Record<string, Resource>;
}
const deployed = new Map<string, Deployed>();

beforeAll(async () => {
  if (moto === undefined) return;
  place = await placeOf(ec2);
  for (const { name, parameters } of VARIANTS) {
    const given = { ...place, ...parameters };
    const stack = await makeStack(cloudFormation, `imgcls-${name}`, given);
    deployed.set(name, { ...stack, declared: resourcesWith(template, given) });
  }
});
afterAll(async () => {
  cloudFormation.destroy();
  ec2.destroy();
  release();
  vi.unstubAllEnvs();
  await moto?.close();
});

const of = (name: string): Deployed => {
  const found = deployed.get(name);
  if (found === undefined) throw new Error(`There is no stack ${name}.`);
  return found;
};

describe.skipIf(moto === undefined).each(VARIANTS)('the stack $name', ({ name }) => {
  it('has everything that the template declares', async () => {
    const { declared, physicalIds } = of(name);
    const idOf = (reference: string) => physicalIds.get(reference.replace(/^<(\w+)[^>]*>$/, '$1')) ?? '';
    const known = Object.entries(declared).filter(([, { Type }]) => !(Type in UNKNOWN_TO_MOTO));
    expect(known.length).toBeGreaterThanOrEqual(20);
    const missing: string[] = [];
    for (const [logical, resource] of known) {
      const made: Made = { ...resource, physicalId: physicalIds.get(logical) ?? '', idOf };
      if (!(await isThere(made))) missing.push(`${logical} (${resource.Type})`);
    }
    expect(missing).toEqual([]);
  });

  it('is checked by requests that fail for missing resources', async () => {
    const { declared, physicalIds } = of(name);
    const found: string[] = [];
    for (const [logical, resource] of Object.entries(declared)) {
      if (resource.Type in UNKNOWN_TO_MOTO) continue;
      const physicalId = `${physicalIds.get(logical)}`.replace(/.{3}$/, 'xyz');
      if (await isThere({ ...resource, physicalId, idOf: () => 'nothing' })) found.push(logical);
    }
    expect(found).toEqual([]);
  });

  it('lacks only the types that moto skips', () => {
    const { declared, physicalIds } = of(name);
    const passedOver = Object.entries(declared).filter(([logical]) => !physicalIds.has(logical));
    const types = new Set(passedOver.map(([, { Type }]) => Type));
    expect([...types].filter((type) => !(type in UNKNOWN_TO_MOTO))).toEqual([]);
    const learnt = Object.entries(declared).filter(
      ([logical, { Type }]) => Type in UNKNOWN_TO_MOTO && physicalIds.has(logical),
    );
    expect(learnt.map(([, { Type }]) => Type)).toEqual([]);
  });

  it('has roles whose policies name only existing resources', async () => {
    const { declared, physicalIds } = of(name);
    const iam = new IAMClient({});
    const documents: (string | undefined)[] = [];
    for (const [logical, { Type, Properties }] of Object.entries(declared)) {
      if (Type === 'AWS::IAM::ManagedPolicy') {
        const version = { PolicyArn: physicalIds.get(logical), VersionId: 'v1' };
        const { PolicyVersion } = await iam.send(new GetPolicyVersionCommand(version));
        documents.push(PolicyVersion?.Document);
      }
      if (Type !== 'AWS::IAM::Policy') continue;
      for (const role of Properties.Roles as string[]) {
        const { PolicyDocument } = await iam.send(
          new GetRolePolicyCommand({
            PolicyName: Properties.PolicyName,
            RoleName: physicalIds.get(role.slice(1, -1)) ?? '',
          }),
        );
        documents.push(PolicyDocument);
      }
    }
    expect(documents.length).toBeGreaterThan(5);
    for (const document of documents) {
      const text = decodeURIComponent(document ?? '');
      expect(text).toContain('"Effect"');
      expect(text.replace(/\$\{ec2:InstanceID\}/, '')).not.toMatch(/\$\{|undefined|None/);
    }
    iam.destroy();
  });
});

describe.skipIf(moto === undefined)('the resources of the stacks', () => {
  it('are in their outputs', () => {
    const always = [
      'ControllerFunctionName',
      'ControllerPolicyArn',
      'ControllerRoleArn',
      'DeadLetterQueueUrl',
      'InputBucket',
      'InteractiveQueueUrl',
      'LaunchTemplateId',
      'LogGroupName',
      'OperatorPolicyArn',
      'OutputBucket',
      'RequestQueueUrl',
      'SubmitterPolicyArn',
      'WorkerPolicyArn',
      'WorkerRoleArn',
    ];
    expect(Object.keys(of('default').outputs).sort()).toEqual(always);
    const { outputs } = of('everything');
    // moto has no secret for WebTokenSecretArn.
    expect(Object.keys(outputs).sort()).toEqual(
      [...always, 'AutoScalingGroupName', 'ListReadBucketsPolicyArn', 'SubmitterRoleArn', 'WebUrl'].sort(),
    );
    expect(outputs).toMatchObject({
      InputBucket: 'imgcls-everything-input-123456789012-us-east-1',
      OutputBucket: 'imgcls-everything-output-123456789012-us-east-1',
      AutoScalingGroupName: 'imgcls-everything',
      WebUrl: 'http://labels.example.org',
      LogGroupName: '/imgcls/everything',
    });
  });

  it('deliver requests twenty times before they become dead letters', async () => {
    const sqs = new SQSClient({ useQueueUrlAsEndpoint: false });
    const { RequestQueueUrl: QueueUrl } = of('default').outputs;
    const { Attributes } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }),
    );
    expect(Attributes).toMatchObject({
      VisibilityTimeout: '60',
      MessageRetentionPeriod: '1209600',
      SqsManagedSseEnabled: 'true',
    });
    expect(JSON.parse(Attributes?.RedrivePolicy ?? '{}')).toMatchObject({
      deadLetterTargetArn: 'arn:aws:sqs:us-east-1:123456789012:imgcls-default-dlq',
      maxReceiveCount: 20,
    });
    sqs.destroy();
  });

  it('give the controller its launch settings', async () => {
    const { physicalIds, outputs } = of('default');
    const lambda = new LambdaClient({});
    const found = await lambda.send(
      new GetFunctionConfigurationCommand({ FunctionName: physicalIds.get('ControllerFunction') }),
    );
    lambda.destroy();
    expect(found).toMatchObject({ Runtime: 'nodejs24.x', Handler: 'index.handler', Timeout: 900 });
    // moto returns numbers as they are; Lambda has texts.
    const variables = Object.entries(found.Environment?.Variables ?? {});
    expect(Object.fromEntries(variables.map(([name, value]) => [name, String(value)]))).toEqual({
      IMGCLS_CLOUD: 'aws',
      IMGCLS_CLUSTER: 'default',
      IMGCLS_INPUT_BUCKET: 'imgcls-default-input-123456789012-us-east-1',
      IMGCLS_OUTPUT_BUCKET: 'imgcls-default-output-123456789012-us-east-1',
      IMGCLS_MODEL: 'efficientnet-lite0',
      IMGCLS_METRICS: 'emf',
      IMGCLS_MAX: '4',
      IMGCLS_TARGET_SECONDS: '120',
      IMGCLS_FLEET: 'ec2',
      IMGCLS_INSTANCE_TYPES: 'auto',
      IMGCLS_LAUNCH_TEMPLATE: `${outputs.LaunchTemplateId}:1`,
      IMGCLS_SUBNETS: place.SubnetIds,
    });
  });

  it('include no machine without work but that of the page', async () => {
    const client = new AutoScalingClient({});
    const { AutoScalingGroups = [] } = await client.send(new DescribeAutoScalingGroupsCommand({}));
    const sizes = AutoScalingGroups.map((group) => [group.AutoScalingGroupName, group.Instances?.length]);
    expect(Object.fromEntries(sizes)).toEqual({
      'imgcls-everything': 0,
      'imgcls-everything-web': 1,
    });
    client.destroy();
  });
});

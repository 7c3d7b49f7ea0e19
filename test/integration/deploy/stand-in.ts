// Asks the services of moto whether the resources of a stack exist.

import { AutoScalingClient, DescribeAutoScalingGroupsCommand } from '@aws-sdk/client-auto-scaling';
import {
  DescribeLaunchTemplatesCommand,
  DescribeSecurityGroupRulesCommand,
  DescribeSecurityGroupsCommand,
  DescribeVpcEndpointsCommand,
  EC2Client,
} from '@aws-sdk/client-ec2';
import {
  GetInstanceProfileCommand,
  GetPolicyCommand,
  GetRoleCommand,
  GetRolePolicyCommand,
  IAMClient,
} from '@aws-sdk/client-iam';
import { GetFunctionConfigurationCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { HeadBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { Resource } from './template.ts';

export interface Made extends Resource {
  /** The id that CloudFormation reports; empty for rules of security groups. */
  physicalId: string;
  /** The physical name of another resource, by `<Name>` or `<Name.Attribute>`. */
  idOf(reference: string): string;
}

const ec2 = new EC2Client({});
const iam = new IAMClient({});
const groups = new AutoScalingClient({});
const lambda = new LambdaClient({});
const s3 = new S3Client({ forcePathStyle: true });
// The URLs that moto's CloudFormation reports have the host name of AWS.
const sqs = new SQSClient({ useQueueUrlAsEndpoint: false });

/** Closes the connections to all of them. */
export function release(): void {
  for (const client of [ec2, iam, groups, lambda, s3, sqs]) client.destroy();
}

/** A plain request, for services whose SDK client is not installed. */
async function ask(service: string, body: string, headers: Record<string, string> = {}): Promise<string> {
  const credential = `testing/20260101/us-east-1/${service}/aws4_request`;
  const answer = await fetch(String(process.env.AWS_ENDPOINT_URL), {
    method: 'POST',
    headers: {
      authorization: `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=host, Signature=none`,
      'content-type': 'application/x-www-form-urlencoded',
      ...headers,
    },
    body,
  });
  if (!answer.ok) throw new Error(`${service} answers ${answer.status}: ${await answer.text()}`);
  return await answer.text();
}

const balancing = (action: string, list: string, arn: string) =>
  ask(
    'elasticloadbalancing',
    new URLSearchParams({ Action: action, Version: '2015-12-01', [list]: arn }).toString(),
  );

/** By type, a request that fails or returns nothing for a missing resource. */
const QUESTIONS: Readonly<Record<string, (made: Made) => Promise<unknown>>> = {
  'AWS::S3::Bucket': ({ physicalId: Bucket }) => s3.send(new HeadBucketCommand({ Bucket })),
  'AWS::SQS::Queue': ({ physicalId }) =>
    sqs.send(new GetQueueAttributesCommand({ QueueUrl: physicalId, AttributeNames: ['QueueArn'] })),
  'AWS::IAM::Role': ({ physicalId: RoleName }) => iam.send(new GetRoleCommand({ RoleName })),
  'AWS::IAM::ManagedPolicy': ({ physicalId: PolicyArn }) => iam.send(new GetPolicyCommand({ PolicyArn })),
  'AWS::IAM::Policy': ({ Properties: { PolicyName, Roles }, idOf }) =>
    Promise.all(
      Roles.map((role: string) => iam.send(new GetRolePolicyCommand({ PolicyName, RoleName: idOf(role) }))),
    ),
  'AWS::IAM::InstanceProfile': ({ physicalId: InstanceProfileName }) =>
    iam.send(new GetInstanceProfileCommand({ InstanceProfileName })),
  'AWS::EC2::SecurityGroup': ({ physicalId }) =>
    ec2.send(new DescribeSecurityGroupsCommand({ GroupIds: [physicalId] })),
  async 'AWS::EC2::SecurityGroupIngress'({ Properties: { GroupId, FromPort, CidrIp }, idOf }) {
    const { SecurityGroupRules = [] } = await ec2.send(
      new DescribeSecurityGroupRulesCommand({ Filters: [{ Name: 'group-id', Values: [idOf(GroupId)] }] }),
    );
    return SecurityGroupRules.find(
      (rule) => rule.IsEgress === false && rule.FromPort === Number(FromPort) && rule.CidrIpv4 === CidrIp,
    );
  },
  'AWS::EC2::VPCEndpoint': ({ physicalId }) =>
    ec2.send(new DescribeVpcEndpointsCommand({ VpcEndpointIds: [physicalId] })),
  async 'AWS::EC2::LaunchTemplate'({ physicalId }) {
    const { LaunchTemplates = [] } = await ec2.send(
      new DescribeLaunchTemplatesCommand({ LaunchTemplateIds: [physicalId] }),
    );
    return LaunchTemplates[0];
  },
  async 'AWS::AutoScaling::AutoScalingGroup'({ physicalId }) {
    const { AutoScalingGroups = [] } = await groups.send(
      new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [physicalId] }),
    );
    return AutoScalingGroups[0];
  },
  'AWS::ElasticLoadBalancingV2::LoadBalancer': ({ physicalId }) =>
    balancing('DescribeLoadBalancers', 'LoadBalancerArns.member.1', physicalId),
  'AWS::ElasticLoadBalancingV2::Listener': ({ physicalId }) =>
    balancing('DescribeListeners', 'ListenerArns.member.1', physicalId),
  'AWS::ElasticLoadBalancingV2::TargetGroup': ({ physicalId }) =>
    balancing('DescribeTargetGroups', 'TargetGroupArns.member.1', physicalId),
  'AWS::Lambda::Function': ({ physicalId: FunctionName }) =>
    lambda.send(new GetFunctionConfigurationCommand({ FunctionName })),
  'AWS::Logs::LogGroup': async ({ physicalId }) => {
    const answer = await ask('logs', JSON.stringify({ logGroupNamePrefix: physicalId }), {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': 'Logs_20140328.DescribeLogGroups',
    });
    return JSON.parse(answer).logGroups[0];
  },
  'AWS::SNS::Topic': ({ physicalId }) =>
    ask(
      'sns',
      new URLSearchParams({
        Action: 'GetTopicAttributes',
        Version: '2010-03-31',
        TopicArn: physicalId,
      }).toString(),
    ),
};

/** Whether the resource exists. @throws for a type without a request here. */
export async function isThere(made: Made): Promise<boolean> {
  const question = QUESTIONS[made.Type];
  if (question === undefined)
    throw new Error(`No request for type ${made.Type}. Add it to ${import.meta.filename}.`);
  try {
    return (await question(made)) !== undefined;
  } catch {
    return false;
  }
}

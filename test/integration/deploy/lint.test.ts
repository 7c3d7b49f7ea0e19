/** Checks the template with cfn-lint (CloudFormation's own rules) and the AwsSolutions rules of cdk-nag. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { App, Aspects, Stack } from 'aws-cdk-lib';
import { Annotations, Match } from 'aws-cdk-lib/assertions';
import { CfnInclude } from 'aws-cdk-lib/cloudformation-include';
import { AwsSolutionsChecks } from 'cdk-nag';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { motoPython } from '../../contract/moto.ts';
import { TEMPLATE_FILE } from './template.ts';

const python = await motoPython();
const text = await readFile(TEMPLATE_FILE, 'utf8');
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'imgcls-lint-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Writes a changed template to a file. */
async function fileOf(changed: string): Promise<string> {
  if (changed === text) throw new Error('Nothing was changed.');
  const file = path.join(folder, `${Math.random()}.yaml`);
  await writeFile(file, changed);
  return file;
}

describe.skipIf(python === undefined)('cfn-lint', () => {
  /** What it finds in the template, and in one with an unknown property and an invalid value: it takes longer to start than to lint. */
  let found: Record<'template' | 'changed', string[]>;
  beforeAll(async () => {
    const changed = await fileOf(
      text.replace('SqsManagedSseEnabled', 'SqsManagedSse').replace('AES256', 'AES-256'),
    );
    const main = 'import sys; from cfnlint.runner.cli import main; sys.exit(main())';
    const args = ['-c', main, '--format', 'parseable', TEMPLATE_FILE, changed];
    const { stdout } = await promisify(execFile)(python ?? '', args).catch(
      (error: { stdout: string; stderr: string }) => error,
    );
    const lines = stdout.split('\n').filter((line) => line !== '');
    const isOfChanged = (line: string) => line.startsWith(`${changed}:`);
    found = { template: lines.filter((line) => !isOfChanged(line)), changed: lines.filter(isOfChanged) };
  });

  it('finds nothing', () => {
    expect(found.template).toEqual([]);
  });

  it('would find an unknown property and an invalid value', () => {
    expect(found.changed).toContainEqual(expect.stringMatching(/E3002:.*SqsManagedSse/));
    expect(found.changed).toContainEqual(expect.stringMatching(/E3030:.*AES-256/));
  });
});

/** Accepted findings, with reasons. Each must still occur. */
const ACCEPTED: { finding: RegExp; because: string }[] = [
  {
    finding: /Bucket AwsSolutions-S1$/,
    because:
      'Use CloudTrail data events to record access. S3 access logs are delayed and incomplete, and need a third bucket.',
  },
  {
    finding: /^DeadLetterQueue AwsSolutions-SQS3$/,
    because: 'It is the dead-letter queue itself; the rule does not resolve the reference to it.',
  },
  {
    finding: /^InteractiveQueue AwsSolutions-SQS3$/,
    because: 'Its messages live for a minute, and the waiting client gets an error.',
  },
  {
    finding:
      /AwsSolutions-IAM5\[Resource::<(In|Out)putBucket\.Arn>\/[a-z]+\/(classify\/)?\*(\/[a-z]+\/\*|\/(job|words)\.json)?\]$/,
    because: 'Objects below one prefix of our own bucket; policies.test.ts compares them with the code.',
  },
  {
    finding: /AwsSolutions-IAM5\[Resource::arn:.*:sqs:.*:imgcls-<ClusterName>-resp-\*\]$/,
    because: 'Each waiter has its own response queue.',
  },
  {
    finding: /ReadBucketsPolicy AwsSolutions-IAM5\[Resource::.*ReadBuckets/,
    because: 'The buckets that the parameter names, with all their objects.',
  },
  {
    finding: /AwsSolutions-IAM5\[Resource::\*\]$/,
    because: 'Actions that do not support resources; policies.test.ts lists them.',
  },
  {
    finding: /AwsSolutions-IAM5\[Resource::arn:.*:ec2:.*:(instance|volume)\/\*\]$/,
    because:
      "Restricted by a condition to the cluster's tag or to the caller itself; policies.test.ts checks that.",
  },
  {
    finding:
      /ControllerOnEc2Policy AwsSolutions-IAM5\[Resource::arn:.*:ec2:.*:(network-interface|fleet|spot-instances-request)\/\*\]$/,
    because: 'A launch creates them. Template, image, subnet and security group restrict what it can launch.',
  },
  {
    finding: /ControllerOnEc2Policy AwsSolutions-IAM5\[Resource::.*SubnetIds/,
    because: 'Complete subnet ids, which are unique in all regions and accounts.',
  },
  {
    finding:
      /AwsSolutions-IAM5\[Resource::arn:.*:autoScalingGroup:\*:autoScalingGroupName\/imgcls-<ClusterName>\]$/,
    because: 'One group: the star stands for its id, which is unknown before it is created.',
  },
  {
    finding: /^LoadBalancerIngress CdkNagValidationFailure\[AwsSolutions-EC23\]$/,
    because: 'The range is a parameter. Without one there is no ingress.',
  },
  {
    finding: /^WorkerGroup CdkNagValidationFailure\[AwsSolutions-EC26\]$/,
    because:
      'The rule does not follow a mixed instances policy to its launch template; template.test.ts checks that volumes are encrypted.',
  },
  {
    finding: /^WebToken AwsSolutions-SMG4$/,
    because:
      'Clients hold the token, so it cannot rotate by itself. A new value takes effect when the page restarts.',
  },
  {
    finding: /Group AwsSolutions-AS3$/,
    because: 'The controller logs every launch and termination with its reason, and alarms report problems.',
  },
];

describe('the rules of AwsSolutions', () => {
  const findings = (templateFile: string): string[] => {
    const app = new App({ outdir: path.join(folder, `cdk-${Math.random()}`), analyticsReporting: false });
    const stack = new Stack(app, 'imgcls');
    // Without subnets, a check of the CDK takes the empty default for a subnet id.
    const parameters = { WebSubnetIds: ['subnet-0123456789abcdef0', 'subnet-0123456789abcdef1'] };
    new CfnInclude(stack, 'Template', { templateFile, parameters });
    Aspects.of(app).add(new AwsSolutionsChecks());
    const annotations = Annotations.fromStack(stack);
    return [
      ...annotations.findError('*', Match.anyValue()),
      ...annotations.findWarning('*', Match.stringLikeRegexp('AwsSolutions')),
    ].map(({ id, entry }) => {
      const [rule = ''] = String(entry.data).split(/(?<=\]|\d): /);
      return `${id.replace('/imgcls/Template/', '')} ${rule}`;
    });
  };
  const unaccepted = (found: readonly string[]): string[] =>
    found.filter((each) => !ACCEPTED.some(({ finding }) => finding.test(each)));

  it('find only accepted findings', () => {
    const found = findings(TEMPLATE_FILE);
    expect(unaccepted(found)).toEqual([]);
    expect(ACCEPTED.filter(({ finding }) => !found.some((each) => finding.test(each)))).toEqual([]);
  });

  it('would find a public bucket, an open port and queues without TLS', async () => {
    const changed = text
      .replace('BlockPublicPolicy: true', 'BlockPublicPolicy: false')
      .replace('CidrIp: !Ref WebIngressCidr', 'CidrIp: 0.0.0.0/0')
      .replace(
        "Resource: '*'\n            Condition: { Bool:",
        "Resource: '*'\n            Condition: { Null:",
      );
    expect(unaccepted(findings(await fileOf(changed))).toSorted()).toEqual([
      'DeadLetterQueue AwsSolutions-SQS4',
      'InputBucket AwsSolutions-S2',
      'InteractiveQueue AwsSolutions-SQS4',
      'LoadBalancerIngress AwsSolutions-EC23',
    ]);
  });
});

/** What others hold templates to: cfn-lint (CloudFormation's own rules) and cdk-nag's AwsSolutions. */
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

/** Another template in a file of its own. */
async function fileOf(changed: string): Promise<string> {
  if (changed === text) throw new Error('Nothing was changed.');
  const file = path.join(folder, `${Math.random()}.yaml`);
  await writeFile(file, changed);
  return file;
}

describe.skipIf(python === undefined)('cfn-lint', () => {
  const lint = async (file: string): Promise<string> => {
    const main = 'import sys; from cfnlint.runner.cli import main; sys.exit(main())';
    const run = promisify(execFile)(python ?? '', ['-c', main, '--format', 'parseable', file]);
    return (await run.catch((error: { stdout: string; stderr: string }) => error)).stdout;
  };

  it('finds nothing', async () => {
    expect(await lint(TEMPLATE_FILE)).toBe('');
  });

  it('would find a property that there is not, and a value that cannot be', async () => {
    const changed = text.replace('SqsManagedSseEnabled', 'SqsManagedSse').replace('AES256', 'AES-256');
    const found = await lint(await fileOf(changed));
    expect(found).toMatch(/E3002:.*SqsManagedSse/);
    expect(found).toMatch(/E3030:.*AES-256/);
  });
});

/** What the rules find and is as it should be. Each must be found still. */
const ACCEPTED: { finding: RegExp; because: string }[] = [
  {
    finding: /Bucket AwsSolutions-S1$/,
    because:
      "Who reads and writes is for CloudTrail's data events to say, where an account wants it: access logs come late, are not complete, and need a third bucket.",
  },
  {
    finding: /^DeadLetterQueue AwsSolutions-SQS3$/,
    because: 'It is the dead-letter queue; the rule does not see through the reference to it.',
  },
  {
    finding: /^InteractiveQueue AwsSolutions-SQS3$/,
    because: 'Its messages live for a minute, and whoever waits is told of the failure.',
  },
  {
    finding:
      /AwsSolutions-IAM5\[Resource::<(In|Out)putBucket\.Arn>\/[a-z]+\/\*(\/[a-z]+\/\*|\/job\.json)?\]$/,
    because:
      'The objects below one prefix of our own bucket, as policies.test.ts compares them with the code.',
  },
  {
    finding: /AwsSolutions-IAM5\[Resource::arn:.*:sqs:.*:imgcls-<ClusterName>-resp-\*\]$/,
    because: 'Every wait has a response queue of its own.',
  },
  {
    finding: /ReadBucketsPolicy AwsSolutions-IAM5\[Resource::.*ReadBuckets/,
    because: 'The buckets that the parameter names, and all that is in them.',
  },
  {
    finding: /AwsSolutions-IAM5\[Resource::\*\]$/,
    because: 'Actions for which AWS knows no resources; policies.test.ts lists them.',
  },
  {
    finding: /AwsSolutions-IAM5\[Resource::arn:.*:ec2:.*:(instance|volume)\/\*\]$/,
    because:
      "On the condition of the cluster's tag, or of being the caller itself; policies.test.ts holds that.",
  },
  {
    finding:
      /ControllerOnEc2Policy AwsSolutions-IAM5\[Resource::arn:.*:ec2:.*:(network-interface|fleet|spot-instances-request)\/\*\]$/,
    because:
      'A launch makes them; what it may launch is given by template, image, subnet and security group.',
  },
  {
    finding: /ControllerOnEc2Policy AwsSolutions-IAM5\[Resource::.*SubnetIds/,
    because: 'Whole names of subnets, which are unique in all regions and accounts.',
  },
  {
    finding:
      /AwsSolutions-IAM5\[Resource::arn:.*:autoScalingGroup:\*:autoScalingGroupName\/imgcls-<ClusterName>\]$/,
    because: 'One group: its id in the place of the star is not known before it is made.',
  },
  {
    finding: /^LoadBalancerIngress CdkNagValidationFailure\[AwsSolutions-EC23\]$/,
    because: 'The range is for whoever deploys to give; without one there is no way in.',
  },
  {
    finding: /^WorkerGroup CdkNagValidationFailure\[AwsSolutions-EC26\]$/,
    because:
      'The rule does not follow a mixed instances policy to its launch template; template.test.ts holds that volumes are encrypted.',
  },
  {
    finding: /^WebToken AwsSolutions-SMG4$/,
    because:
      'Callers hold the token, so that it changes when somebody tells them; a new value holds once the page has been started again.',
  },
  {
    finding: /Group AwsSolutions-AS3$/,
    because:
      'The controller logs every launch and every end with its reason, and alarms tell what people must know.',
  },
];

describe('the rules of AwsSolutions', () => {
  const findings = (templateFile: string): string[] => {
    const app = new App({ outdir: path.join(folder, `cdk-${Math.random()}`), analyticsReporting: false });
    const stack = new Stack(app, 'imgcls');
    // Without some, the CDK's own check takes the empty default for the id of a subnet.
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

  it('find nothing but what is meant so', () => {
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

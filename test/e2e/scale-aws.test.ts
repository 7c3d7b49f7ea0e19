/** `imgcls scale` on EC2, by itself and through an Auto Scaling group, as a process of its own over the moto server, with faults in between. */
import path from 'node:path';
import {
  type AutoScalingClient,
  CreateAutoScalingGroupCommand,
  DescribeAutoScalingGroupsCommand,
} from '@aws-sdk/client-auto-scaling';
import { CreateLaunchTemplateCommand, DescribeInstancesCommand, type EC2Client } from '@aws-sdk/client-ec2';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createAutoScalingClient, createEc2Client, createS3Client } from '../../src/aws/clients.ts';
import { createAwsCloud } from '../../src/aws/cloud.ts';
import type { Cloud } from '../../src/core/cloud/ports.ts';
import { deadLetterQueueName, requestQueueName } from '../../src/core/job/keys.ts';
import { readReport, writeReport } from '../../src/scaler/report.ts';
import { serviceError, startFaultProxy } from '../contract/fault-proxy.ts';
import { standInEnvironment, startMoto } from '../contract/moto.ts';
import { startStandInMetadata } from '../contract/stand-in-metadata.ts';
import { until } from '../contract/until.ts';
import { type InstalledPackage, installPackage, repository, start } from './package.ts';

const moto = await startMoto();
const proxy = moto && (await startFaultProxy(moto.url));
const IMAGE = 'ami-12c6146b';
const TEMPLATE = ['--launch-template', 'imgcls-worker'];

const GROUP = 'imgcls-default';
const ASG = ['--fleet', 'asg', '--auto-scaling-group', GROUP];

describe.skipIf(proxy === undefined)('imgcls scale on EC2', () => {
  const aws = {
    ...standInEnvironment(proxy?.url ?? ''),
    IMGCLS_CLOUD: 'aws',
    IMGCLS_INPUT_BUCKET: 'test-input',
    IMGCLS_OUTPUT_BUCKET: 'test-output',
  };
  let installed: InstalledPackage;
  let dataDir: string;
  let ec2: EC2Client;
  let autoScaling: AutoScalingClient;
  let cloud: Cloud;

  beforeAll(async () => {
    for (const [name, value] of Object.entries(aws)) vi.stubEnv(name, value);
    const s3 = createS3Client();
    for (const Bucket of ['test-input', 'test-output']) await s3.send(new CreateBucketCommand({ Bucket }));
    s3.destroy();
    ec2 = createEc2Client();
    await ec2.send(
      new CreateLaunchTemplateCommand({
        LaunchTemplateName: 'imgcls-worker',
        LaunchTemplateData: {
          ImageId: IMAGE,
          InstanceType: 'c7i.large',
          BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { VolumeSize: 16 } }],
        },
      }),
    );
    autoScaling = createAutoScalingClient();
    await autoScaling.send(
      new CreateAutoScalingGroupCommand({
        AutoScalingGroupName: GROUP,
        MinSize: 0,
        MaxSize: 2,
        AvailabilityZones: ['us-east-1a'],
        LaunchTemplate: { LaunchTemplateName: 'imgcls-worker', Version: '$Default' },
      }),
    );
    cloud = createAwsCloud({ cluster: 'default', inputBucket: 'test-input', outputBucket: 'test-output' });
    await cloud.queues.create(deadLetterQueueName('default'));
    await cloud.queues.create(requestQueueName('default'));
    installed = await installPackage();
    dataDir = await installed.dataDir();
  });
  afterAll(async () => {
    ec2?.destroy();
    autoScaling?.destroy();
    await cloud?.close();
    await installed?.remove();
    await proxy?.close();
    await moto?.close();
    vi.unstubAllEnvs();
  });
  afterEach(() => void proxy?.unused());

  const scale = (...args: string[]) => start(installed.bin, dataDir, ['scale', ...args], aws);
  async function instances(): Promise<string[]> {
    const { Reservations = [] } = await ec2.send(
      new DescribeInstancesCommand({ Filters: [{ Name: 'instance-state-name', Values: ['running'] }] }),
    );
    return Reservations.flatMap(({ Instances = [] }) =>
      Instances.map(({ InstanceId = '' }) => InstanceId),
    ).sort();
  }

  it('launches nothing while there is no work', async () => {
    const { code, stdout, stderr } = await scale(...TEMPLATE, '--once').finished;
    expect(code, stderr).toBe(0);
    expect(stdout).toContain('target 0: the queues are empty');
    expect(await instances()).toEqual([]);
  });

  it('grows with the work, forgets no instance that boots, leaves the fleet at SIGTERM, and ends it when told', async () => {
    // 300 messages of 16 images; one instance does 20 images/s.
    const queue = cloud.queues.open(requestQueueName('default'));
    await queue.send(Array.from({ length: 300 }, () => ({ body: 'work' })));
    const dry = await scale(...TEMPLATE, '--max', '3', '--once', '--dry-run').finished;
    expect(dry.stdout, dry.stderr).toMatch(new RegExp(`would launch 1.*machine image ${IMAGE} is new`));
    expect(await instances()).toEqual([]);
    const report = await readReport(cloud.output);
    if (report !== undefined) await writeReport(cloud.output, { ...report, workedImage: IMAGE });

    const once = await scale(...TEMPLATE, '--max', '3', '--once').finished;
    expect(once.stdout, once.stderr).toMatch(/launch 3.*4800 images within .*--max allows 3/);
    const launched = await instances();
    expect(launched).toHaveLength(3);

    const controller = scale(...TEMPLATE, '--max', '3', '--format', 'json');
    await until(
      'the controller has looked',
      async () => controller.stdout().includes('"target":3') || undefined,
    );
    controller.kill('SIGTERM');
    expect(await controller.finished).toMatchObject({ code: 0 });
    expect(await instances()).toEqual(launched);

    const status = await start(installed.bin, dataDir, ['status'], aws).finished;
    expect(status.stdout).toContain('c7i.large');
    expect(status.stdout).toContain('300 requests waiting');

    const last = scale(...TEMPLATE, '--max', '3', '--drain-on-exit');
    await until('the controller has looked', async () => last.stdout().includes('target 3') || undefined);
    last.kill('SIGTERM');
    expect(await last.finished).toMatchObject({ code: 0 });
    expect(await instances()).toEqual([]);
  });

  it('steers an Auto Scaling group within its maximum, and a worker that ends leaves it smaller', async () => {
    const queue = cloud.queues.open(requestQueueName('default'));
    await queue.send(Array.from({ length: 300 }, () => ({ body: 'work' })));
    const once = await scale(...ASG, '--max', '3', '--once').finished;
    expect(once.stdout, once.stderr).toMatch(
      /launch 3.*WARNING: 1 not launched: .*takes at most 2 instances/,
    );
    const launched = await instances();
    expect(launched).toHaveLength(2);

    const status = await start(installed.bin, dataDir, ['status'], aws).finished;
    expect(status.stdout).toContain('target 3 workers, scales from 0 to 3 (asg fleet, policy backlog)');
    expect(status.stdout).toMatch(/WARNING: 1 not launched.*--max-size 3/);
    const samples = path.join(repository, 'samples');
    const quote = await start(installed.bin, dataDir, ['upload', samples, '--quote'], aws).finished;
    expect(quote.stdout, quote.stderr).toContain(
      "$0.0910 per hour (the controller's fleet, on-demand list prices of us-east-1, ",
    );

    const [own = '', other] = launched;
    const metadata = await startStandInMetadata({
      instanceId: own,
      instanceType: 'c7i.large',
      region: 'us-east-1',
    });
    for (const name of [deadLetterQueueName('quiet'), requestQueueName('quiet')])
      await cloud.queues.create(name);
    const worker = await start(installed.bin, dataDir, ['worker', '--managed', '--idle-exit', '0.1'], {
      ...aws,
      IMGCLS_CLUSTER: 'quiet',
      IMGCLS_FLEET: 'asg',
      IMGCLS_AUTO_SCALING_GROUP: GROUP,
      AWS_EC2_METADATA_DISABLED: undefined,
      AWS_EC2_METADATA_SERVICE_ENDPOINT: metadata.url,
    }).finished;
    metadata.close();
    expect(worker.code, worker.stderr).toBe(0);
    const command = new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [GROUP] });
    const { AutoScalingGroups: [group] = [] } = await autoScaling.send(command);
    expect(group).toMatchObject({ DesiredCapacity: 1, Instances: [{ InstanceId: other }] });

    const last = scale(...ASG, '--drain-on-exit');
    await until('the controller has looked', async () => last.stdout().includes('target') || undefined);
    last.kill('SIGTERM');
    expect(await last.finished).toMatchObject({ code: 0 });
    expect(await instances()).toEqual([]);
  });

  it('without a fleet and EC2: takes dead letters, reports, and launches nothing', async () => {
    const onlyStorage = {
      ...aws,
      IMGCLS_CLUSTER: 'site',
      AWS_ENDPOINT_URL: undefined,
      AWS_ENDPOINT_URL_S3: proxy?.url,
      AWS_ENDPOINT_URL_SQS: proxy?.url,
    };
    const run = (...args: string[]) => start(installed.bin, dataDir, args, onlyStorage);
    const dead = (await cloud.queues.create(deadLetterQueueName('site'))).name;
    await cloud.queues.create(requestQueueName('site'));
    await cloud.queues.open(requestQueueName('site')).send([{ body: 'work' }]);
    await cloud.queues.open(dead).send([{ body: 'no request' }]);
    expect((await run('dlq', 'list').finished).stderr).toContain(
      '1 more dead letter in the dead-letter queue. A controller moves them to this list: "imgcls scale", with --fleet none',
    );

    const controller = run('scale', '--fleet', 'none');
    await until('the dead letter is listed', async () => {
      const { stdout } = await run('dlq', 'list').finished;
      return stdout.includes('The request message is not JSON') || undefined;
    });
    const status = await run('status').finished;
    expect(status.stdout).toMatch(/lock renewed .* ago\n +maintenance only: it launches no workers/);
    expect(status.stdout).toContain('1 request waiting');
    expect(status.stdout).toMatch(/^dead letters +none$/m);
    controller.kill('SIGTERM');
    expect(await controller.finished).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('maintenance only, it launches no workers'),
    });
    expect(await instances()).toEqual([]);
  });

  it.each([
    [
      'no launch template',
      [],
      /^error: Cannot launch EC2 instances: no launch template is set\.\n.*--launch-template NAME/,
    ],
    ['a launch template that is not there', ['--launch-template', 'nowhere'], /no such launch template/],
    [
      'an unknown instance type',
      [...TEMPLATE, '--instance-types', 'c99.huge'],
      /c99\.huge.*\n.*describe-instance-types/,
    ],
    [
      'an Auto Scaling group that is not there',
      ['--fleet', 'asg', '--auto-scaling-group', 'nowhere'],
      /No Auto Scaling group nowhere found/,
    ],
    ['--fleet asg without a group', ['--fleet', 'asg'], /needs autoScalingGroup/],
    ['a setting of the group', [...ASG, '--warm', '1'], /--warm cannot be used with --fleet asg/],
    [
      'workers without a fleet',
      ['--fleet', 'none', '--max', '4'],
      /fleet none launches no workers: max must be 0/,
    ],
    ['--max below --min', [...TEMPLATE, '--max', '0', '--min', '3'], /min is 3, max is 0/],
  ])('refuses %s', async (_, args, words) => {
    const { code, stderr } = await scale(...args, '--once').finished;
    expect(stderr).toMatch(words);
    expect(code).toBe(2);
  });

  it.each([
    [
      'the action is not allowed',
      403,
      'UnauthorizedOperation',
      /ec2:DescribeLaunchTemplateVersions.*access is denied/,
    ],
    ['the credentials have expired', 400, 'RequestExpired', /credentials have expired/],
    ['the clock is wrong', 400, 'RequestInTheFuture', /clock of this machine is wrong/],
  ])('says so, and what to do, when %s', async (_, status, code, words) => {
    proxy?.inject({
      of: ({ action }) => action === 'DescribeLaunchTemplateVersions',
      times: 6,
      answer: async (request) => serviceError(request, status, code),
    });
    const finished = await scale(...TEMPLATE, '--once').finished;
    expect(finished.code).toBe(1);
    expect(finished.stderr).toMatch(words);
    expect(finished.stderr.trimEnd().split('\n')).toHaveLength(2);
  });
});

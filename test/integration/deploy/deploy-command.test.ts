/** `imgcls deploy` and `imgcls destroy` on the moto server. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import {
  CreateImageCommand,
  CreateTagsCommand,
  DescribeInstancesCommand,
  type EC2Client,
  RunInstancesCommand,
} from '@aws-sdk/client-ec2';
import {
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createEc2Client, createS3Client, createSqsClient } from '../../../src/aws/clients.ts';
import { createStacks } from '../../../src/aws/cloudformation.ts';
import { createSqsQueues } from '../../../src/aws/sqs-queues.ts';
import { responseQueueName } from '../../../src/core/job/keys.ts';
import { openDefaultVpc } from '../../contract/default-vpc.ts';
import { type Fault, startFaultProxy } from '../../contract/fault-proxy.ts';
import { standInEnvironment, startMoto } from '../../contract/moto.ts';
import { completeStacks, type StackParameters } from '../../contract/moto-stacks.ts';
import { until } from '../../contract/until.ts';
import { repository } from '../../e2e/package.ts';
import { type Commands, openCommands } from '../commands.ts';

const moto = await startMoto();
const proxy = moto && (await startFaultProxy(moto.url));
const template = path.join(import.meta.dirname, 'small-cluster.yaml');
const INPUT = 'imgcls-default-input-123456789012-us-east-1';
const OUTPUT = 'imgcls-default-output-123456789012-us-east-1';

describe.skipIf(proxy === undefined)('imgcls deploy and destroy', () => {
  let folder: string;
  let settingsFile: string;
  let aws: NodeJS.ProcessEnv;
  let stacks: CloudFormationClient;
  let ec2: EC2Client;
  let s3: S3Client;
  let commands: Commands;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'imgcls-deploy-'));
    settingsFile = path.join(folder, 'config', 'imgcls', 'imgcls.config.json');
    aws = { ...standInEnvironment(proxy?.url ?? ''), XDG_CONFIG_HOME: path.join(folder, 'config') };
    for (const [name, value] of Object.entries(aws)) vi.stubEnv(name, value);
    stacks = new CloudFormationClient({});
    ec2 = createEc2Client();
    s3 = createS3Client();
    await openDefaultVpc(ec2);
    await mkdir(path.dirname(settingsFile), { recursive: true });
    await writeFile(settingsFile, JSON.stringify({ topK: 3, cluster: 'other' }));
    commands = openCommands(folder, aws);
  });
  const given: StackParameters = new Map();
  /** @param faults take precedence over the stand-ins for what moto lacks. */
  function injectOnly(...faults: Fault[]): void {
    proxy?.unused();
    for (const fault of faults) proxy?.inject(fault);
    if (proxy !== undefined) completeStacks(proxy, given);
  }
  beforeEach(() => injectOnly());
  afterAll(async () => {
    await commands?.close();
    for (const client of [stacks, ec2, s3]) client?.destroy();
    await rm(folder, { recursive: true, force: true });
    await proxy?.close();
    await moto?.close();
    vi.unstubAllEnvs();
  });

  const imgcls = (...args: string[]) => commands.run(...args);
  const deploy = (...args: string[]) =>
    imgcls('deploy', '--cluster', 'default', '--template', template, ...args);
  /** Runs at a terminal and answers the question. */
  async function atTerminal(
    answer: string,
    ...args: string[]
  ): Promise<{ code: number | null; shown: string }> {
    const bin = path.join(repository, 'bin/imgcls.js');
    const inTerminal = 'import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)';
    const ofSomeSize = ['sh', '-c', 'stty cols 120 rows 40; exec "$@"', 'sh'];
    const child = spawn('python3', ['-c', inTerminal, ...ofSomeSize, process.execPath, bin, ...args], {
      cwd: folder,
      env: { ...process.env, ...aws, IMGCLS_DATA_DIR: folder },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let shown = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      if (!shown.includes('[y/N]') && (shown + text).includes('[y/N]')) child.stdin.write(`${answer}\n`);
      shown += text;
    });
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, shown };
  }
  const settings = async () => JSON.parse(await readFile(settingsFile, 'utf8'));
  const stack = async () =>
    (await stacks.send(new DescribeStacksCommand({}))).Stacks?.find(
      (each) => each.StackName === 'imgcls-default',
    );
  const parameter = async (name: string) =>
    (await stack())?.Parameters?.find(({ ParameterKey }) => ParameterKey === name)?.ParameterValue;

  let builtAt = 0;
  /** Creates an image as `imgcls ami build` does. Waits for the next second, as moto dates images by the second. */
  async function buildImage(): Promise<string> {
    const second = () => Math.floor(Date.now() / 1000);
    await until('a second has passed', async () => second() > builtAt || undefined);
    const { Instances: [instance] = [] } = await ec2.send(
      new RunInstancesCommand({ ImageId: 'ami-12c6146b', MinCount: 1, MaxCount: 1 }),
    );
    const { ImageId = '' } = await ec2.send(
      new CreateImageCommand({ InstanceId: instance?.InstanceId, Name: `worker-${Date.now()}` }),
    );
    builtAt = second();
    const tags = { 'imgcls:image': 'worker', 'imgcls:version': '0.0.1' };
    await ec2.send(
      new CreateTagsCommand({
        Resources: [ImageId],
        Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
      }),
    );
    return ImageId;
  }

  it('reports what is missing before it creates anything', async () => {
    const noRoute = await deploy('--network', 'private', '--yes');
    expect(noRoute.code).toBe(2);
    expect(noRoute.stderr).toMatch(/needs a route to a NAT gateway.*\n.*--network public/);
    const noModel = await deploy('--model', 'resnet50', '--yes');
    expect(noModel.stderr).toMatch(/Model resnet50 is not installed.*\n.*imgcls model pull resnet50/);
    const noImage = await deploy();
    expect(noImage.code).toBe(2);
    expect(noImage.stderr).toMatch(
      /no worker image for c7i\.large[\s\S]*one c7i\.large instance for about 10 minutes/,
    );
    expect(noImage.stderr).toMatch(/Cannot ask for confirmation without a terminal.*\n.*--yes/);
    const plan = await deploy('--dry-run');
    expect(plan.code, plan.stderr).toBe(0);
    expect(plan.stdout).toMatch(/Without work the cluster costs \$0\.00 a month/);
    expect(plan.stderr).toMatch(/Workers are spot instances, .*; on demand where there are none\./);
    expect(await stack()).toBeUndefined();
  });

  it('plans without changing anything, and deploys nothing without consent', async () => {
    await buildImage();
    const plan = await deploy('--plan');
    expect(plan.code, plan.stderr).toBe(0);
    expect(plan.stdout).toMatch(/^add\tInputBucket\tAWS::S3::Bucket\t$/m);
    expect(plan.stdout).toContain('6 to add, none to change, none to remove.');
    const args = ['deploy', '--cluster', 'default', '--template', template];
    const refused = await atTerminal('n', ...args);
    expect(refused.shown).toMatch(/InputBucket[\s\S]*Deploy\? \[y\/N\][\s\S]*Nothing was changed\./);
    expect(refused.code).toBe(1);
    const unasked = await deploy();
    expect(unasked.code).toBe(2);
    expect(unasked.stderr).toMatch(/Cannot ask for confirmation without a terminal.*\n.*--yes/);
    expect(await stack()).toBeUndefined();
    expect(await settings()).toEqual({ topK: 3, cluster: 'other' });
  });

  it('creates a cluster and writes the settings for the next commands', async () => {
    const { code, stdout, stderr } = await deploy(
      '--network',
      'endpoints',
      '--max',
      '7',
      '--no-controller',
      '--yes',
    );
    expect(code, stderr).toBe(0);
    expect(stdout).toContain(INPUT);
    expect(stderr).toMatch(/has no controller.*imgcls scale/);
    expect(stderr).toMatch(/Replaced the settings of cluster other in /);
    expect(stderr).toMatch(/Wrote the settings of cluster default to /);
    expect(stderr).toMatch(/has imgcls 0\.0\.1.*imgcls ami build/);
    const written = await settings();
    expect(written).toMatchObject({
      topK: 3,
      cloud: 'aws',
      cluster: 'default',
      inputBucket: INPUT,
      outputBucket: OUTPUT,
      model: 'efficientnet-lite0',
      max: 7,
      launchTemplate: expect.stringMatching(/^lt-[0-9a-f]+:\$Latest$/),
    });
    expect(written.subnets.length).toBeGreaterThan(1);
    expect(await parameter('RouteTableIds')).toMatch(/^rtb-/);
    const upload = await imgcls('upload', path.join(repository, 'samples/cat.jpg'), '--no-wait');
    expect(upload.code, upload.stderr).toBe(0);
    const sha256 = JSON.parse(
      await readFile(path.join(repository, 'models/efficientnet-lite0/model.json'), 'utf8'),
    ).sha256;
    await s3.send(new HeadObjectCommand({ Bucket: OUTPUT, Key: `models/${sha256}/model.onnx` }));
  });

  it('changes nothing the second time, and keeps earlier parameters', async () => {
    const { code, stderr } = await deploy('--yes');
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('No changes.');
    expect(stderr).toContain('already has the settings of cluster default');
    expect((await settings()).max).toBe(7);
  });

  it('takes the newest image by default, and any other by name', async () => {
    const other = await buildImage();
    const newest = await buildImage();
    expect((await deploy('--yes')).code).toBe(0);
    expect(await parameter('WorkerImageId')).toBe(newest);
    expect((await deploy('--image', other, '--yes')).code).toBe(0);
    expect(await parameter('WorkerImageId')).toBe(other);
    expect(await parameter('MaxWorkers')).toBe('7');
  });

  it('refuses flags without a parameter in the template, and types of another architecture', async () => {
    const unknown = await deploy('--with-web', '--yes');
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toMatch(/no parameter WithWeb \(--with-web\)/);
    const arm = await deploy('--instance-type', 'c7g.large', '--image', await buildImage(), '--yes');
    expect(arm.code).toBe(2);
    expect(arm.stderr).toMatch(/is for x86_64, but c7g\.large is arm64.*\n.*imgcls ami build/);
  });

  it('explains a failed deployment by its first failure', async () => {
    let times = 0;
    injectOnly(
      {
        of: ({ action }) => action === 'DescribeStackEvents' && ++times === 2,
        answer: async (_, forward) => {
          const reply = await forward();
          return { ...reply, body: withFailure(String(reply.body)) };
        },
      },
      {
        of: ({ action }) => action === 'DescribeStacks' && times >= 2,
        answer: async (_, forward) => {
          const reply = await forward();
          const body = String(reply.body).replace('>UPDATE_COMPLETE<', '>UPDATE_ROLLBACK_COMPLETE<');
          return { ...reply, body };
        },
      },
    );
    const { code, stderr } = await deploy('--max', '9', '--yes');
    expect(code).toBe(1);
    expect(stderr).toMatch(/could not be updated. The first failure is Web \(AWS::Test::Thing\):\n/);
    expect(stderr).toMatch(
      /not authorized to perform: test:Make.*\nhint: CloudFormation uses your permissions/,
    );
    expect(stderr).toContain('The update was rolled back: the cluster is as before.');
  });

  it('destroys nothing without consent, and lists the contents', async () => {
    await s3.send(new CreateMultipartUploadCommand({ Bucket: INPUT, Key: 'images/begun' }));
    await s3.send(new PutObjectCommand({ Bucket: INPUT, Key: 'drop/ä + 100 %\u0001.jpg', Body: 'odd' }));
    await s3.send(new PutObjectCommand({ Bucket: OUTPUT, Key: 'fleet/i-1.json', Body: 'one' }));
    await s3.send(new PutObjectCommand({ Bucket: OUTPUT, Key: 'fleet/i-1.json', Body: 'two' }));
    const TagSpecifications = [
      { ResourceType: 'instance' as const, Tags: [{ Key: 'imgcls:cluster', Value: 'default' }] },
    ];
    const machine = { ImageId: 'ami-12c6146b', MinCount: 1, MaxCount: 1, TagSpecifications };
    await ec2.send(new RunInstancesCommand(machine));
    const sqs = createSqsClient();
    await createSqsQueues(sqs).create(responseQueueName('default', 'gone'));
    await createSqsQueues(sqs).create(responseQueueName('default-resp', 'ours-not'));
    sqs.destroy();

    const { code, stderr } = await imgcls('destroy');
    expect(code).toBe(2);
    expect(stderr).toContain('imgcls-default, 6 resources');
    expect(stderr).toMatch(/unfinished jobs\s+1/);
    expect(stderr).toMatch(/instances\s+i-\w+ \(/);
    expect(stderr).toMatch(/response queues\s+1/);
    expect(stderr).toMatch(/Cannot ask for confirmation without a terminal.*\n.*--yes/);
    expect(await stack()).toBeDefined();
  });

  it('destroys everything, reports what remains, and succeeds without a cluster', async () => {
    const { code, shown } = await atTerminal('y', 'destroy');
    expect(code, shown).toBe(0);
    expect(shown).toContain('Destroyed cluster default.');
    expect(shown).not.toContain('(AWS::CloudFormation::Stack) DELETE_COMPLETE\r\n');
    expect(shown).toMatch(/last cluster in the region/);
    expect(shown).toMatch(/Deleted worker image ami-\w+ \(imgcls 0\.0\.1\)/);
    expect(shown).toContain('Nothing of the cluster remains in the account.');
    expect(await stack()).toBeUndefined();
    expect((await s3.send(new ListBucketsCommand({}))).Buckets).toEqual([]);
    const running = await ec2.send(
      new DescribeInstancesCommand({
        Filters: [
          { Name: 'tag:imgcls:cluster', Values: ['default'] },
          { Name: 'instance-state-name', Values: ['running'] },
        ],
      }),
    );
    expect(running.Reservations).toEqual([]);
    expect(await settings()).toEqual({ topK: 3 });
    const sqs = createSqsClient();
    const queues = await Array.fromAsync(createSqsQueues(sqs).list('imgcls-'));
    sqs.destroy();
    expect(queues.map(({ name }) => name)).toEqual([responseQueueName('default-resp', 'ours-not')]);

    const past = createStacks({});
    const [deleted = ''] = await past.deleted('imgcls-default');
    const events = await Array.fromAsync(past.events(deleted));
    past.end();
    const created = events.find(({ status }) => status === 'CREATE_IN_PROGRESS');
    // "imgcls deploy" waits by the time of the last event.
    expect(events[0]).toMatchObject({ status: 'DELETE_COMPLETE' });
    expect(events[0]?.atMs).toBeGreaterThan(created?.atMs ?? Number.POSITIVE_INFINITY);

    const again = await imgcls('destroy', '--yes');
    expect(again.code, again.stderr).toBe(0);
    expect(again.stderr).toContain('No cluster default in us-east-1.');
  });
});

/** Adds a failed resource, and another one cancelled for it, before the newest event of an answer. */
function withFailure(body: string): string {
  const [first = ''] = /<member>[\s\S]*?<\/member>/.exec(body) ?? [];
  const field = (name: string, value: string) => (text: string) =>
    text.replace(new RegExp(`<${name}>[^<]*</${name}>`), `<${name}>${value}</${name}>`);
  const event = (id: string, resource: string, status: string, reason: string) =>
    [
      field('EventId', id),
      field('LogicalResourceId', resource),
      field('PhysicalResourceId', resource),
      field('ResourceType', 'AWS::Test::Thing'),
      field(
        'ResourceStatus',
        `${status}</ResourceStatus><ResourceStatusReason>${reason}</ResourceStatusReason><ResourceStatus>`,
      ),
    ]
      .reduce((text, change) => change(text), first)
      .replace('<ResourceStatus></ResourceStatus>', '');
  const later = event('e2', 'Other', 'UPDATE_FAILED', 'Resource update cancelled');
  const earlier = event('e1', 'Web', 'CREATE_FAILED', 'You are not authorized to perform: test:Make');
  const ended = field('ResourceStatus', 'UPDATE_ROLLBACK_COMPLETE')(first);
  return body.replace(first, `${ended}${later}${earlier}`);
}

/** `imgcls ami build` on moto. A proxy plays the builder, as moto runs no script and has no console output. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import {
  CreateLaunchTemplateCommand,
  DescribeImagesCommand,
  DescribeInstancesCommand,
  DescribeSecurityGroupsCommand,
  DescribeSnapshotsCommand,
  type EC2Client,
  type Tag,
} from '@aws-sdk/client-ec2';
import { GetObjectCommand, ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createEc2Client, createS3Client } from '../../../src/aws/clients.ts';
import { openDefaultVpc } from '../../contract/default-vpc.ts';
import { type ProxiedRequest, serviceError, startFaultProxy } from '../../contract/fault-proxy.ts';
import { standInEnvironment, startMoto } from '../../contract/moto.ts';
import { builderRuns, consoleSays, imagesHaveTaggedSnapshots } from '../../contract/stand-in-builder.ts';
import { until } from '../../contract/until.ts';
import { processesOf, repository, start } from '../../e2e/package.ts';
import { type Commands, openCommands } from '../commands.ts';

const bin = path.join(repository, 'bin/imgcls.js');
const ASSETS = 'imgcls-assets-123456789012-us-east-1';
const moto = await startMoto();
const proxy = moto && (await startFaultProxy(moto.url));

describe.skipIf(proxy === undefined)('imgcls ami build', () => {
  const aws = standInEnvironment(proxy?.url ?? '');
  const requests = () => proxy?.requests ?? [];
  let ec2: EC2Client;
  let s3: S3Client;
  let folder: string;
  let file: string;
  let vpc: string;
  let commands: Commands;

  beforeAll(async () => {
    for (const [name, value] of Object.entries(aws)) vi.stubEnv(name, value);
    folder = await mkdtemp(path.join(tmpdir(), 'imgcls-ami-'));
    file = path.join(folder, 'imgcls.tgz');
    await writeFile(file, 'the package');
    ec2 = createEc2Client();
    s3 = createS3Client();
    vpc = await openDefaultVpc(ec2);
    commands = openCommands(folder, aws);
  });
  afterEach(async () => {
    expect(proxy?.unused(), 'injected faults that no request matched').toBe(0);
    requests().length = 0;
    expect(await instances(), 'remaining builders').toEqual([]);
  });
  afterAll(async () => {
    await commands?.close();
    ec2?.destroy();
    s3?.destroy();
    await rm(folder, { recursive: true });
    await proxy?.close();
    await moto?.close();
    vi.unstubAllEnvs();
  });

  const buildLine = () => ['ami', 'build', '--yes', '--package', file];
  const build = (...args: string[]) => commands.run(...buildLine(), ...args);
  const play = () => proxy && builderRuns(proxy, ec2);
  const say = (text: string) => proxy && consoleSays(proxy, text);
  const tagSnapshots = () => proxy && imagesHaveTaggedSnapshots(proxy, ec2);
  const of = (action: string) => (request: ProxiedRequest) => request.action === action;

  async function instances(): Promise<string[]> {
    const states = ['pending', 'running', 'stopping', 'stopped'];
    const { Reservations = [] } = await ec2.send(
      new DescribeInstancesCommand({ Filters: [{ Name: 'instance-state-name', Values: states }] }),
    );
    return Reservations.flatMap(({ Instances = [] }) => Instances.map(({ InstanceId = '' }) => InstanceId));
  }

  async function look(id: string) {
    const { Images = [] } = await ec2.send(new DescribeImagesCommand({ ImageIds: [id] }));
    const [image] = Images;
    const snapshots = (image?.BlockDeviceMappings ?? []).flatMap(({ Ebs }) => Ebs?.SnapshotId ?? []);
    return { tags: tagsOf(image?.Tags), snapshots };
  }
  const tagsOf = (tags: Tag[] = []) => Object.fromEntries(tags.map(({ Key, Value }) => [Key, Value]));

  async function built(version: string, ...args: string[]): Promise<string> {
    // moto dates images by the second.
    const second = new Date().getSeconds();
    await until('a second is over', async () => new Date().getSeconds() !== second || undefined);
    play();
    say(`imgcls-provision: node\nimgcls-provision: OK ${version}\n`);
    tagSnapshots();
    const { code, stdout, stderr } = await build(...args);
    expect(code, stderr).toBe(0);
    return stdout.trim();
  }

  it('creates an image and tags it and its snapshots; the builder has no key pair and no role', async () => {
    const builder = play();
    say('imgcls-provision: node\nimgcls-provision: OK 1.2.3\n');
    tagSnapshots();
    const { code, stdout, stderr } = await build('--model', 'resnet50');
    expect(code, stderr).toBe(0);
    const { tags, snapshots } = await look(stdout.trim());
    expect(tags).toMatchObject({
      'imgcls:image': 'worker',
      'imgcls:version': '1.2.3',
      'imgcls:architecture': 'x86_64',
    });
    const { Snapshots = [] } = await ec2.send(new DescribeSnapshotsCommand({ SnapshotIds: snapshots }));
    expect(Snapshots.map(({ Tags }) => tagsOf(Tags))).toEqual([tags]);
    expect(String(builder?.downloaded())).toBe('the package');

    const form = requests().find(of('RunInstances'))?.form;
    const asked = Object.fromEntries(form ?? []);
    expect(asked).toMatchObject({
      ImageId: 'resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64',
      InstanceType: 'c7i.large',
      InstanceInitiatedShutdownBehavior: 'stop',
      'MetadataOptions.HttpTokens': 'required',
      'MetadataOptions.HttpPutResponseHopLimit': '1',
      'BlockDeviceMapping.1.Ebs.Encrypted': 'true',
      'NetworkInterface.1.AssociatePublicIpAddress': 'true',
    });
    const { SecurityGroups: [group] = [] } = await ec2.send(
      new DescribeSecurityGroupsCommand({
        GroupIds: [asked['NetworkInterface.1.SecurityGroupId.1'] ?? ''],
      }),
    );
    expect(group).toMatchObject({ GroupName: 'imgcls-image-builder', VpcId: vpc, IpPermissions: [] });
    expect(Object.keys(asked).filter((name) => /KeyName|IamInstanceProfile/.test(name))).toEqual([]);
    const script = Buffer.from(asked.UserData ?? '', 'base64').toString();
    const provision = await readFile(path.join(repository, 'deploy/image/provision.sh'), 'utf8');
    expect(script).toContain(provision);
    expect(script).toContain("--model' 'resnet50'");
  });

  it('packs this installation by default, with the lock file that its packages are installed from', async () => {
    play();
    say('imgcls-provision: FAILED node');
    const { code, stderr } = await commands.run('ami', 'build', '--yes');
    expect(code, stderr).toBe(1);
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: ASSETS }));
    const [newest] = Contents.toSorted((a, b) => Number(b.Size) - Number(a.Size));
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: ASSETS, Key: newest?.Key }));
    const bytes = Buffer.from((await Body?.transformToByteArray()) ?? []);
    expect(newest?.Key).toBe(`packages/${createHash('sha256').update(bytes).digest('hex')}.tgz`);
    const packed = path.join(folder, 'packed.tgz');
    await writeFile(packed, bytes);
    const { stdout } = await promisify(execFile)('tar', [
      '-xzOf',
      packed,
      'package/dist/npm-shrinkwrap.json',
    ]);
    const { packages } = JSON.parse(stdout);
    const missing = Object.entries<{ integrity?: string }>(packages).filter(
      ([name, { integrity }]) => name !== '' && integrity === undefined,
    );
    expect(missing).toEqual([]);
    expect(Object.keys(packages)).toContain('node_modules/onnxruntime-node');
  });

  it('deletes old images with their snapshots, but none that a launch template uses', async () => {
    const first = await built('1.0.0');
    await ec2.send(
      new CreateLaunchTemplateCommand({
        LaunchTemplateName: 'imgcls-default',
        LaunchTemplateData: { ImageId: first },
      }),
    );
    const second = await built('1.0.1');
    const { snapshots } = await look(second);
    const third = await built('1.0.2', '--keep', '1');
    const { stdout } = await commands.run('ami', 'list', '--format', 'json');
    expect(JSON.parse(stdout)).toMatchObject([
      { id: third, version: '1.0.2', inLaunchTemplate: false },
      { id: first, version: '1.0.0', inLaunchTemplate: true },
    ]);
    const gone = ec2.send(new DescribeSnapshotsCommand({ SnapshotIds: snapshots }));
    await expect(gone).rejects.toMatchObject({ name: 'InvalidSnapshot.NotFound' });
    const table = await commands.run('ami', 'list');
    expect(table.stdout).toMatch(new RegExp(`${first}.*x86_64.*1\\.0\\.0.*yes`));
  });

  it('terminates the builder and reports the reason when provisioning fails', async () => {
    play();
    say('npm error 404 Not Found\nimgcls-provision: FAILED package\n');
    const { code, stdout, stderr } = await build();
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/Provisioning i-\w+ failed at: package\.\n.*\n.*npm error 404 Not Found/);
    expect(requests().filter(of('CreateImage'))).toEqual([]);
  });

  it('terminates the builder when creating the image is denied', async () => {
    play();
    say('imgcls-provision: OK 1.2.3');
    proxy?.inject({
      of: of('CreateImage'),
      answer: async (request) => serviceError(request, 403, 'UnauthorizedOperation'),
    });
    const { code, stderr } = await build();
    expect(code).toBe(1);
    expect(stderr).toMatch(/ec2:CreateImage\): access is denied/);
  });

  it('terminates the builder on an interrupt', async () => {
    say('imgcls-provision: node');
    const own = await mkdtemp(path.join(folder, 'interrupted-'));
    const { finished, kill, stderr } = start(bin, own, buildLine(), aws);
    await until('the builder is at work', async () => stderr().includes(': node') || undefined, {
      timeoutMs: 60_000,
    });
    expect(await instances()).toHaveLength(1);
    kill('SIGINT');
    expect(await finished).toMatchObject({ code: 130 });
    expect(await processesOf(own)).toEqual([]);
  });

  it.each([
    [
      'there is no consent',
      [],
      /Cannot ask for confirmation without a terminal\. Building an image costs money\./,
    ],
    [
      'there is no such file',
      ['--yes', '--package', './nowhere.tgz'],
      /Cannot read the package:.*nowhere\.tgz/,
    ],
    [
      'a package is named as one of a registry',
      ['--yes', '--package', 'imgcls@1.0.0'],
      /Cannot read the package:.*imgcls@1\.0\.0/,
    ],
    [
      'one instance type is set for both architectures',
      ['--yes', '--arch', 'both', '--instance-type', 'c7i.large'],
      /--arch both needs two instance types/,
    ],
    ['no image is to be kept', ['--yes', '--keep', '0'], /at least 1/],
  ])('launches nothing when %s', async (_, args, words) => {
    const { code, stderr } = await commands.run('ami', 'build', ...args);
    expect(stderr).toMatch(words);
    expect(code).toBe(2);
    expect(requests().filter(of('RunInstances'))).toEqual([]);
  });
});

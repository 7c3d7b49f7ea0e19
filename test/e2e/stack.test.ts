/**
 * The whole story over moto and a proxy with AWS's limits, from an empty account: `imgcls deploy`, which builds the image, too;
 * then a submitter, the controller and a worker for each instance that it launches, each with the permissions of its role while
 * moto enforces them; then `imgcls destroy`, and nothing is left.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import {
  DescribeInstancesCommand,
  DescribeLaunchTemplateVersionsCommand,
  DescribeSubnetsCommand,
  EC2Client,
  type Instance,
} from '@aws-sdk/client-ec2';
import { GetFunctionCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { createS3Client } from '../../src/aws/clients.ts';
import { awsLimits } from '../contract/aws-limits.ts';
import { openDefaultVpc } from '../contract/default-vpc.ts';
import { startFaultProxy } from '../contract/fault-proxy.ts';
import { standInEnvironment, startMoto } from '../contract/moto.ts';
import { completeStacks } from '../contract/moto-stacks.ts';
import { builderRuns, consoleSays, imagesHaveTaggedSnapshots } from '../contract/stand-in-builder.ts';
import { type StandInMetadata, startStandInMetadata } from '../contract/stand-in-metadata.ts';
import { until } from '../contract/until.ts';
import { deployerStatements } from '../integration/deploy/policies.ts';
import { allows, needsOf, signatureOf } from '../integration/deploy/requests.ts';
import { type AccessKey, enforcePolicies } from './moto-permissions.ts';
import { type InstalledPackage, installPackage, type Running, repository, start } from './package.ts';

const moto = await startMoto();
const proxy = moto && (await startFaultProxy(moto.url));
const ASSETS = 'imgcls-assets-123456789012-us-east-1';
/** Tells requests of the commands from those of this test. */
const DEPLOYER = { AWS_ACCESS_KEY_ID: 'deployer' };
const SECONDS = { timeoutMs: 60_000 };

describe.skipIf(moto === undefined || proxy === undefined)('a cluster on AWS', () => {
  let installed: InstalledPackage;
  let folder: string;
  let dataDir: string;
  let plain: NodeJS.ProcessEnv;
  let ec2: EC2Client;
  const running: Running[] = [];
  const machines = new Map<string, { worker: Running; metadata: StandInMetadata }>();

  beforeAll(async () => {
    installed = await installPackage();
    dataDir = await installed.dataDir();
    folder = await mkdtemp(path.join(tmpdir(), 'imgcls-stack-'));
    const account = standInEnvironment(proxy?.url ?? '');
    plain = { ...account, ...DEPLOYER, XDG_CONFIG_HOME: path.join(folder, 'config') };
    for (const [name, value] of Object.entries(account)) vi.stubEnv(name, value);
    if (moto === undefined || proxy === undefined) return;
    ec2 = new EC2Client({ endpoint: moto.url });
    await openDefaultVpc(ec2);
    proxy.enforce(awsLimits({ motoUrl: moto.url, vCpus: 5, notOffered: { 'us-east-1e': ['c7i.large'] } }));
    builderRuns(proxy, ec2);
    consoleSays(proxy, `imgcls-provision: OK ${packageJson.version}`);
    imagesHaveTaggedSnapshots(proxy, ec2);
    completeStacks(proxy, new Map());
  });
  afterAll(async () => {
    for (const { kill } of running) kill('SIGKILL');
    await Promise.all(running.map(({ finished }) => finished));
    for (const { metadata } of machines.values()) metadata.close();
    ec2?.destroy();
    await rm(folder, { recursive: true, force: true });
    await installed?.remove();
    await proxy?.close();
    await moto?.close();
    vi.unstubAllEnvs();
  });

  function imgcls(args: string[], env: NodeJS.ProcessEnv = {}): Running {
    const child = start(installed.bin, dataDir, args, { ...plain, ...env });
    running.push(child);
    return child;
  }

  /** Past the proxy: moto checks signatures, which are of its own address. */
  const environmentWith = ({ accessKeyId, secretAccessKey }: AccessKey): NodeJS.ProcessEnv => ({
    AWS_ENDPOINT_URL: moto?.url,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
  });

  /** What workers get as user data, as the image puts it into the environment. */
  async function workerSettings(): Promise<NodeJS.ProcessEnv> {
    const { LaunchTemplateVersions: [version] = [] } = await ec2.send(
      new DescribeLaunchTemplateVersionsCommand({
        LaunchTemplateName: 'imgcls-default',
        Versions: ['$Latest'],
      }),
    );
    const text = Buffer.from(version?.LaunchTemplateData?.UserData ?? '', 'base64').toString();
    const [first, ...lines] = text.trim().split('\n');
    expect(first).toBe('#imgcls-environment');
    expect(lines).toContain('IMGCLS_ROLE=worker');
    return Object.fromEntries(lines.map((line) => line.split(/=(.*)/, 2)));
  }

  /** The settings of the controller's function, whose code must be what was stored. */
  async function controllerSettings(): Promise<NodeJS.ProcessEnv> {
    const lambda = new LambdaClient({});
    const { Configuration } = await lambda.send(
      new GetFunctionCommand({ FunctionName: 'imgcls-default-controller' }),
    );
    lambda.destroy();
    const s3 = createS3Client();
    const { Contents = [] } = await s3.send(
      new ListObjectsV2Command({ Bucket: ASSETS, Prefix: 'controller/' }),
    );
    s3.destroy();
    const sha256 = Buffer.from(Configuration?.CodeSha256 ?? '', 'base64').toString('hex');
    expect(Contents.map(({ Key }) => Key)).toEqual([`controller/${sha256}.zip`]);
    return Configuration?.Environment?.Variables ?? {};
  }

  /** Of the subnets in the settings that the deployment wrote. */
  async function subnetZones(): Promise<string[]> {
    const file = path.join(folder, 'config', 'imgcls', 'imgcls.config.json');
    const { subnets: SubnetIds } = JSON.parse(await readFile(file, 'utf8'));
    const { Subnets = [] } = await ec2.send(new DescribeSubnetsCommand({ SubnetIds }));
    return Subnets.flatMap(({ AvailabilityZone }) => AvailabilityZone ?? []).sort();
  }

  async function instances(): Promise<Instance[]> {
    const { Reservations = [] } = await ec2.send(
      new DescribeInstancesCommand({ Filters: [{ Name: 'tag:imgcls:cluster', Values: ['default'] }] }),
    );
    return Reservations.flatMap(({ Instances = [] }) => Instances);
  }

  /** A process in place of each instance: started when EC2 has one, told to end when EC2 ends it. */
  async function standIn(worker: NodeJS.ProcessEnv): Promise<Instance[]> {
    const found = await instances();
    for (const { InstanceId: id = '', State } of found) {
      const machine = machines.get(id);
      if (State?.Name !== 'running') machine?.worker.kill('SIGTERM');
      else if (machine === undefined) {
        const metadata = await startStandInMetadata({ instanceId: id, region: 'us-east-1' });
        const env = {
          ...worker,
          AWS_EC2_METADATA_DISABLED: 'false',
          AWS_EC2_METADATA_SERVICE_ENDPOINT: metadata.url,
        };
        machines.set(id, { worker: imgcls(['worker', '--managed'], env), metadata });
      }
    }
    return found;
  }

  it('is deployed, labels images on machines that come and go with the work, and is destroyed', async () => {
    const deployed = await imgcls(['deploy', '--yes']).finished;
    expect(deployed.code, deployed.stderr).toBe(0);
    expect(deployed.stderr).toMatch(/Creating image ami-\w+/);
    expect(deployed.stderr).toMatch(/Without work the cluster costs \$0\.70\d\d a month/);
    expect(deployed.stderr).toContain('may run 5 vCPUs of spot instances at once: 2 of 4 workers (--max)');
    expect(await subnetZones()).toEqual(['a', 'b', 'c', 'd', 'f'].map((zone) => `us-east-1${zone}`));
    const settings = { worker: await workerSettings(), controller: await controllerSettings() };
    const roles = ['SubmitterRole', 'WorkerRole', 'ControllerRole'];
    const enforced = await enforcePolicies(moto?.url ?? '', roles);
    const [submitter, worker, controller] = enforced.users.map(environmentWith);
    ec2.destroy();
    ec2 = new EC2Client({ endpoint: moto?.url ?? '', credentials: enforced.administrator });

    // A companion: without its role's permissions nothing is done.
    const refused = await imgcls(['scale', '--once'], { ...settings.controller, ...worker }).finished;
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/not allowed|denied|may not/i);

    const scale = imgcls(['scale'], { ...settings.controller, ...controller, IMGCLS_IDLE_SECONDS: '1' });
    const upload = imgcls(['upload', path.join(repository, 'samples'), '--format', 'lines'], submitter);
    const machine = { ...settings.worker, ...worker, IMGCLS_RUNNERS: '1' };
    await until('an instance is launched', async () => (await standIn(machine)).at(0), SECONDS);
    const { code, stdout, stderr } = await upload.finished;
    expect(code, stderr).toBe(0);
    expect(stdout.trim().split('\n')).toEqual([
      'barn.webp, barn',
      'boats.webp, pirate',
      'cat.jpg, tiger cat',
      'coffee.jpg, espresso',
      'dam.webp, dam',
      'frying-pan.webp, frying pan',
      'goldfish.webp, goldfish',
      'mountains.jpg, alp',
      'rocket.jpg, missile',
      'screwdriver.webp, screwdriver',
      'tape-measure.webp, rule',
      'tripod.png, tripod',
    ]);

    await until(
      'no instance is left',
      async () => {
        const found = await standIn(machine);
        return found.every(({ State }) => State?.Name === 'terminated') || undefined;
      },
      SECONDS,
    );
    for (const { worker: ended } of machines.values())
      expect(await ended.finished, ended.stderr()).toMatchObject({ code: 0 });
    scale.kill('SIGTERM');
    expect(await scale.finished, scale.stderr()).toMatchObject({ code: 0 });

    await enforced.lift();
    const month = await imgcls(['status', '--cost']).finished;
    expect(month.code, month.stderr).toBe(0);
    expect(month.stdout).toMatch(/^workers {6}\$0\.\d+$/m);
    expect(month.stdout).toMatch(/^at rest {6}(<\$0\.0001|\$0\.\d+) of \$0\.70\d\d a month, since /m);
    const destroyed = await imgcls(['destroy', '--yes']).finished;
    expect(destroyed.code, destroyed.stderr).toBe(0);
    expect(destroyed.stderr).toMatch(
      new RegExp(`Deleted worker image ami-\\w+ \\(imgcls ${packageJson.version}\\)`),
    );
    expect(destroyed.stderr).toMatch(/Deleted security group sg-\w+ of builders/);
    expect(destroyed.stderr).toContain(`Deleted bucket ${ASSETS}.`);
    expect(destroyed.stderr).toContain('Nothing of the cluster remains in the account.');
    const stacks = new CloudFormationClient({});
    const { Stacks = [] } = await stacks.send(new DescribeStacksCommand({}));
    stacks.destroy();
    expect(Stacks).toEqual([]);
  });

  it('needed no more for that than the policy of deployers allows', () => {
    const statements = deployerStatements();
    const refusedBy = (policy: typeof statements) =>
      (proxy?.requests ?? [])
        .filter((request) => signatureOf(request).key === DEPLOYER.AWS_ACCESS_KEY_ID)
        .flatMap((request) => needsOf(request, {}))
        .filter((need) => !allows(policy, need));
    expect(refusedBy(statements)).toEqual([]);
    expect(refusedBy(statements.filter(({ Resource }) => Resource === '*')).length).toBeGreaterThan(10);
  });
});

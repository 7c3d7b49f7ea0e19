/**
 * An AWS account to follow docs/aws.md without one: moto behind the proxy that enforces AWS's limits, with what moto lacks.
 * Builders of images run at once. For each instance of a cluster there is a worker process, for the function of a controller a
 * process that scales.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  DescribeInstancesCommand,
  DescribeLaunchTemplateVersionsCommand,
  EC2Client,
  type Instance,
} from '@aws-sdk/client-ec2';
import { LambdaClient, ListFunctionsCommand } from '@aws-sdk/client-lambda';
import { systemClock } from '../../src/app/system-clock.ts';
import { version } from '../../src/app/version.ts';
import { awsLimits } from '../contract/aws-limits.ts';
import { openDefaultVpc } from '../contract/default-vpc.ts';
import { type FaultProxy, startFaultProxy } from '../contract/fault-proxy.ts';
import { type Moto, standInEnvironment, startMoto } from '../contract/moto.ts';
import { completeStacks } from '../contract/moto-stacks.ts';
import { builderRuns, consoleSays, imagesHaveTaggedSnapshots } from '../contract/stand-in-builder.ts';
import { type StandInMetadata, startStandInMetadata } from '../contract/stand-in-metadata.ts';
import { type Running, start, USUAL_RUNNERS } from '../e2e/package.ts';

/** Of a new account. */
const V_CPUS = 5;
/** As in us-east-1, whose oldest zone lacks newer types. */
const NOT_OFFERED = { 'us-east-1e': ['c7i.large', 'c7g.large', 't3.small', 't4g.small'] };
const LOOK_EVERY_MS = 500;
/** Of builds. */
const ANY_NUMBER = Number.POSITIVE_INFINITY;

export interface StandInAccount {
  /** What a shell needs to use it. */
  environment: Record<string, string>;
  close(): Promise<void>;
}

/** @param bin the command that runs in place of machines. @returns undefined without Python. */
export async function startStandInAccount(bin: string): Promise<StandInAccount | undefined> {
  const moto = await startMoto();
  if (moto === undefined) return undefined;
  const proxy = await startFaultProxy(moto.url);
  const folder = await mkdtemp(path.join(tmpdir(), 'imgcls-stand-in-'));
  const account = new Account(moto, proxy, { bin, folder });
  await account.open();
  return { environment: account.environment, close: () => account.close() };
}

interface Machine {
  worker: Running;
  metadata: StandInMetadata;
}

class Account {
  readonly environment: Record<string, string>;
  readonly #moto: Moto;
  readonly #proxy: FaultProxy;
  readonly #bin: string;
  readonly #folder: string;
  readonly #ec2: EC2Client;
  readonly #lambda: LambdaClient;
  readonly #machines = new Map<string, Machine>();
  readonly #controllers = new Map<string, Running>();
  readonly #closed = new AbortController();
  #playing = Promise.resolve();

  constructor(moto: Moto, proxy: FaultProxy, { bin, folder }: { bin: string; folder: string }) {
    this.#moto = moto;
    this.#proxy = proxy;
    this.#bin = bin;
    this.#folder = folder;
    const variables = { ...standInEnvironment(proxy.url), AWS_DEFAULT_REGION: 'us-east-1' };
    this.environment = Object.fromEntries(
      Object.entries(variables).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
    );
    const client = {
      endpoint: moto.url,
      region: 'us-east-1',
      credentials: { accessKeyId: 'testing', secretAccessKey: 'testing' },
    };
    this.#ec2 = new EC2Client(client);
    this.#lambda = new LambdaClient(client);
  }

  async open(): Promise<void> {
    await openDefaultVpc(this.#ec2);
    this.#proxy.enforce(awsLimits({ motoUrl: this.#moto.url, vCpus: V_CPUS, notOffered: NOT_OFFERED }));
    builderRuns(this.#proxy, this.#ec2, ANY_NUMBER);
    consoleSays(this.#proxy, `imgcls-provision: OK ${version}`, ANY_NUMBER);
    imagesHaveTaggedSnapshots(this.#proxy, this.#ec2, ANY_NUMBER);
    completeStacks(this.#proxy, new Map());
    this.#playing = this.#play();
  }

  async close(): Promise<void> {
    this.#closed.abort();
    await this.#playing;
    const workers = [...this.#machines.values()].map(({ worker }) => worker);
    const processes = [...workers, ...this.#controllers.values()];
    for (const { kill } of processes) kill('SIGKILL');
    await Promise.all(processes.map(({ finished }) => finished));
    for (const { metadata } of this.#machines.values()) metadata.close();
    this.#ec2.destroy();
    this.#lambda.destroy();
    await this.#proxy.close();
    await this.#moto.close();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #play(): Promise<void> {
    while (!this.#closed.signal.aborted) {
      for (const instance of await this.#instances()) await this.#playMachine(instance);
      await this.#playControllers();
      await systemClock.sleep(LOOK_EVERY_MS, this.#closed.signal);
    }
  }

  async #instances(): Promise<Instance[]> {
    const Filters = [{ Name: 'tag-key', Values: ['imgcls:cluster'] }];
    const { Reservations = [] } = await this.#ec2.send(new DescribeInstancesCommand({ Filters }));
    return Reservations.flatMap(({ Instances = [] }) => Instances);
  }

  async #playMachine({
    InstanceId: id = '',
    InstanceType: instanceType,
    State,
    Tags = [],
  }: Instance): Promise<void> {
    const machine = this.#machines.get(id);
    if (State?.Name !== 'running') machine?.worker.kill('SIGTERM');
    else if (machine === undefined) {
      const cluster = Tags.find(({ Key }) => Key === 'imgcls:cluster')?.Value ?? '';
      const metadata = await startStandInMetadata({ instanceId: id, instanceType, region: 'us-east-1' });
      const worker = this.#start(['worker', '--managed'], {
        ...(await this.#userData(cluster)),
        AWS_EC2_METADATA_DISABLED: 'false',
        AWS_EC2_METADATA_SERVICE_ENDPOINT: metadata.url,
      });
      this.#machines.set(id, { worker, metadata });
    }
  }

  /** Each function of a controller is a process that scales, as long as the function exists. */
  async #playControllers(): Promise<void> {
    const { Functions = [] } = await this.#lambda.send(new ListFunctionsCommand({}));
    for (const [name, controller] of this.#controllers)
      if (!Functions.some(({ FunctionName }) => FunctionName === name)) {
        controller.kill('SIGTERM');
        this.#controllers.delete(name);
      }
    for (const { FunctionName: name = '', Environment } of Functions)
      if (!this.#controllers.has(name))
        this.#controllers.set(name, this.#start(['scale'], Environment?.Variables ?? {}));
  }

  /** What workers of a cluster get as user data, as the image puts it into the environment. */
  async #userData(cluster: string): Promise<NodeJS.ProcessEnv> {
    const { LaunchTemplateVersions: [version] = [] } = await this.#ec2.send(
      new DescribeLaunchTemplateVersionsCommand({
        LaunchTemplateName: `imgcls-${cluster}`,
        Versions: ['$Latest'],
      }),
    );
    const text = Buffer.from(version?.LaunchTemplateData?.UserData ?? '', 'base64').toString();
    const lines = text.trim().split('\n').slice(1);
    return Object.fromEntries(lines.map((line) => line.split(/=(.*)/, 2)));
  }

  #start(args: string[], env: NodeJS.ProcessEnv): Running {
    return start(this.#bin, this.#folder, args, { ...USUAL_RUNNERS, ...this.environment, ...env });
  }
}

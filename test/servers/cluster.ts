/** A cluster of the packed program, without a fleet, on an S3 server and an SQS server of others. */
import { randomUUID } from 'node:crypto';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { createS3Client } from '../../src/aws/clients.ts';
import { createAwsCloud } from '../../src/aws/cloud.ts';
import type { Cloud, Queue } from '../../src/core/cloud/ports.ts';
import { deadLetterQueueName, interactiveQueueName, requestQueueName } from '../../src/core/job/keys.ts';
import { MAX_RECEIVE_COUNT } from '../../src/core/job/messages.ts';
import { standInEnvironment } from '../contract/moto.ts';
import { until } from '../contract/until.ts';
import { type InstalledPackage, installPackage, type Running, start } from '../e2e/package.ts';
import type { RunningServer } from './process.ts';
import { serverOf } from './servers.ts';

/** Pairs of servers that the program runs on. */
export const PAIRS = [
  { store: 'VersityGW', queues: 'ElasticMQ' },
  { store: 'LocalStack', queues: 'LocalStack' },
] as const;

export class ForeignCluster {
  readonly cloud: Cloud;
  readonly requests: Queue;
  readonly dataDir: string;
  readonly #installed: InstalledPackage;
  readonly #servers: readonly RunningServer[];
  readonly #settings: NodeJS.ProcessEnv;
  readonly #running: Running[] = [];

  private constructor(
    installed: InstalledPackage,
    dataDir: string,
    servers: readonly RunningServer[],
    name: string,
  ) {
    const buckets = { inputBucket: `${name}-input`, outputBucket: `${name}-output` };
    this.cloud = createAwsCloud({ cluster: name, ...buckets });
    this.requests = this.cloud.queues.open(requestQueueName(name));
    this.dataDir = dataDir;
    this.#installed = installed;
    this.#servers = servers;
    this.#settings = {
      IMGCLS_CLOUD: 'aws',
      IMGCLS_MODEL: 'efficientnet-lite0',
      IMGCLS_CLUSTER: name,
      IMGCLS_INPUT_BUCKET: buckets.inputBucket,
      IMGCLS_OUTPUT_BUCKET: buckets.outputBucket,
      IMGCLS_LOG_LEVEL: 'debug',
    };
  }

  /** Starts the servers. From now on the AWS clients of this process reach nothing else. */
  static async start(pair: { store: string; queues: string }): Promise<ForeignCluster> {
    const [store, queues] = [serverOf(pair.store), serverOf(pair.queues)];
    const servers = [await store.start()];
    if (queues !== store) servers.push(await queues.start());
    useServers(servers[0]?.url ?? '', servers.at(-1)?.url ?? '');
    const installed = await installPackage();
    const name = `foreign-${randomUUID().slice(0, 8)}`;
    const cluster = new ForeignCluster(installed, await installed.dataDir(), servers, name);
    await cluster.#create(name);
    return cluster;
  }

  async #create(name: string): Promise<void> {
    const s3 = createS3Client();
    for (const { bucket } of [this.cloud.input, this.cloud.output])
      await s3.send(new CreateBucketCommand({ Bucket: bucket }));
    s3.destroy();
    const deadLetter = { queue: deadLetterQueueName(name), maxReceiveCount: MAX_RECEIVE_COUNT };
    await this.cloud.queues.create(deadLetter.queue);
    await this.cloud.queues.create(this.requests.name, { deadLetter });
    await this.cloud.queues.create(interactiveQueueName(name));
  }

  imgcls(args: readonly string[], env: NodeJS.ProcessEnv = {}): Running {
    const one = start(this.#installed.bin, this.dataDir, args, { ...this.#settings, ...env });
    this.#running.push(one);
    return one;
  }

  /** A worker that has loaded its model. */
  async worker(env?: NodeJS.ProcessEnv): Promise<Running> {
    const worker = this.imgcls(['worker'], env);
    await until('the worker is ready', async () => worker.stderr().includes('modelReadyMs'), {
      timeoutMs: 60_000,
    });
    return worker;
  }

  /** Stops what still runs. A worker that is killed would leave its poll behind, and the poll would take the next message. */
  async stopAll(): Promise<void> {
    const running = this.#running.splice(0);
    for (const one of running) one.kill('SIGTERM');
    await Promise.all(running.map((one) => one.finished));
  }

  async close(): Promise<void> {
    await this.stopAll();
    await this.cloud.close();
    await this.#installed.remove();
    for (const server of this.#servers) await server.close();
  }
}

function useServers(store: string, queues: string): void {
  const environment = {
    ...standInEnvironment(''),
    AWS_ENDPOINT_URL: undefined,
    AWS_ENDPOINT_URL_S3: store,
    AWS_ENDPOINT_URL_SQS: queues,
  };
  for (const [name, value] of Object.entries(environment)) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
}

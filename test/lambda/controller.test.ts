/** The controller as AWS Lambda runs it: its handler under AWS's own runtime interface client, over the moto server. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { CreateLaunchTemplateCommand, DescribeInstancesCommand, type EC2Client } from '@aws-sdk/client-ec2';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createEc2Client, createS3Client } from '../../src/aws/clients.ts';
import { createAwsCloud } from '../../src/aws/cloud.ts';
import { readControllerCode } from '../../src/cli/aws/controller-package.ts';
import type { Cloud } from '../../src/core/cloud/ports.ts';
import { readControllerLock } from '../../src/core/fleet/controller-lock.ts';
import { deadLetterQueueName, interactiveQueueName, requestQueueName } from '../../src/core/job/keys.ts';
import { readReport } from '../../src/scaler/report.ts';
import { startFaultProxy } from '../contract/fault-proxy.ts';
import { standInEnvironment, startMoto } from '../contract/moto.ts';
import { startStandInMetadata } from '../contract/stand-in-metadata.ts';
import { until } from '../contract/until.ts';
import { type InstalledPackage, installPackage, repository, start } from '../e2e/package.ts';
import { type Environment, startEnvironment } from './runtime-interface-client.ts';

const MINUTES_MS = 60_000;
/** The handler ends this long before its time is over. */
const HAND_OVER_MS = 30_000;

const moto = await startMoto();
const proxy = moto && (await startFaultProxy(moto.url));

async function unpackedCode(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'imgcls-function-'));
  const { zip } = await readControllerCode();
  await writeFile(path.join(folder, 'code.zip'), zip);
  await promisify(execFile)('python3', ['-m', 'zipfile', '-e', path.join(folder, 'code.zip'), folder]);
  console.log(`The package has ${zip.length} bytes.`);
  return folder;
}

describe.skipIf(proxy === undefined)('the controller on AWS Lambda', () => {
  const aws = {
    ...standInEnvironment(proxy?.url ?? ''),
    IMGCLS_CLOUD: 'aws',
    IMGCLS_INPUT_BUCKET: 'test-input',
    IMGCLS_OUTPUT_BUCKET: 'test-output',
    IMGCLS_MODEL: 'efficientnet-lite0',
  };
  let installed: InstalledPackage;
  /** What Lambda unpacks. */
  let code: string;
  let dataDir: string;
  let ec2: EC2Client;
  let cloud: Cloud;
  const environments: Environment[] = [];

  beforeAll(async () => {
    for (const [name, value] of Object.entries(aws)) vi.stubEnv(name, value);
    const s3 = createS3Client();
    for (const Bucket of ['test-input', 'test-output']) await s3.send(new CreateBucketCommand({ Bucket }));
    s3.destroy();
    ec2 = createEc2Client();
    const LaunchTemplateData = { ImageId: 'ami-12c6146b', InstanceType: 'c7i.large' } as const;
    await ec2.send(
      new CreateLaunchTemplateCommand({ LaunchTemplateName: 'imgcls-worker', LaunchTemplateData }),
    );
    cloud = createAwsCloud({ cluster: 'default', inputBucket: 'test-input', outputBucket: 'test-output' });
    for (const name of [deadLetterQueueName, requestQueueName, interactiveQueueName])
      await cloud.queues.create(name('default'));
    code = await unpackedCode();
    installed = await installPackage();
    dataDir = await installed.dataDir();
    await run('model', 'push', 'efficientnet-lite0').finished;
  });
  afterEach(async () => {
    for (const environment of environments.splice(0)) await environment.kill();
  });
  afterAll(async () => {
    ec2?.destroy();
    await cloud?.close();
    await installed?.remove();
    if (code) await rm(code, { recursive: true });
    await proxy?.close();
    await moto?.close();
    vi.unstubAllEnvs();
  });

  const run = (...args: string[]) => start(installed.bin, dataDir, args, aws);

  async function environment(): Promise<Environment> {
    const settings = { IMGCLS_LAUNCH_TEMPLATE: 'imgcls-worker', IMGCLS_MAX: '1', IMGCLS_METRICS: 'emf' };
    const started = await startEnvironment(code, { ...process.env, ...aws, ...settings });
    environments.push(started);
    return started;
  }

  async function instances(): Promise<string[]> {
    const Filters = [{ Name: 'instance-state-name', Values: ['pending', 'running'] }];
    const { Reservations = [] } = await ec2.send(new DescribeInstancesCommand({ Filters }));
    return Reservations.flatMap(({ Instances = [] }) => Instances.map(({ InstanceId = '' }) => InstanceId));
  }

  const holder = async () => (await readControllerLock(cloud.output))?.record.holder;

  it('reads no bucket in a call without work, and the cluster counts as controlled meanwhile', async () => {
    const lambda = await environment();
    const beforeLook = proxy?.requests.length;
    expect(await lambda.call({}, 15 * MINUTES_MS)).toEqual({ end: 'at rest' });
    const dear = proxy?.requests
      .slice(beforeLook)
      .filter(
        ({ method, path: where, action }) =>
          action === '' && (method === 'PUT' || where.includes('list-type=2')),
      );
    const before = proxy?.requests.length;
    const cpuMs = lambda.usage().cpuMs;
    const startMs = performance.now();
    expect(await lambda.call({}, 15 * MINUTES_MS)).toEqual({ end: 'nothing to do' });
    const tookMs = performance.now() - startMs;
    const requests = proxy?.requests.slice(before).map(({ action }) => action);
    expect(requests?.toSorted()).toEqual(['DescribeInstances', ...Array(3).fill('GetQueueAttributes')]);
    expect(await holder()).toBeUndefined();
    expect((await run('status').finished).stdout).toContain('at rest');
    expect(lambda.log()).not.toContain('BacklogMessages');
    const { peakBytes, cpuMs: after } = lambda.usage();
    console.log(
      `A call without work took ${tookMs.toFixed(0)} ms and ${after - cpuMs} ms of CPU; peak memory ${(peakBytes / 2 ** 20).toFixed(0)} MiB. A whole look has ${dear?.length} requests at the price of a PUT.`,
    );
  });

  it('does a job from its wake to the drain', async () => {
    const lambda = await environment();
    const called = lambda.call({ wake: true }, 15 * MINUTES_MS);
    const upload = await run('upload', path.join(repository, 'samples'), '--no-wait').finished;
    const job = upload.stdout.trim();
    const [instanceId = ''] = await until('an instance is launched', async () => {
      const found = await instances();
      return found.length > 0 && found;
    });
    const metadata = await startStandInMetadata({
      instanceId,
      instanceType: 'c7i.large',
      region: 'us-east-1',
    });
    const worker = start(installed.bin, dataDir, ['worker', '--managed'], {
      ...aws,
      AWS_EC2_METADATA_DISABLED: undefined,
      AWS_EC2_METADATA_SERVICE_ENDPOINT: metadata.url,
    });
    expect(await called).toEqual({ end: 'at rest' });
    expect(await instances()).toEqual([]);
    worker.kill('SIGTERM');
    await worker.finished;
    metadata.close();
    expect((await run('results', job).finished).stdout).toContain('tiger cat');
    expect(await readReport(cloud.output)).toMatchObject({ target: 0, returnsByMs: expect.any(Number) });
    expect(lambda.log()).toContain('"SpentUsd"');
  });

  it('hands over when its time is nearly over, and the next one forgets no machine', async () => {
    await cloud.queues.open(requestQueueName('default')).send([{ body: 'work' }]);
    const first = await environment();
    expect(await first.call({}, HAND_OVER_MS + 10_000)).toEqual({ end: 'time over' });
    const launched = await instances();
    expect(launched).toHaveLength(1);
    expect(await holder()).toBeUndefined();
    const epoch = (await readReport(cloud.output))?.epoch ?? 0;
    const second = await environment();
    expect(await second.call({}, HAND_OVER_MS + 10_000)).toEqual({ end: 'time over' });
    expect(await readReport(cloud.output)).toMatchObject({ epoch: epoch + 1, target: 1 });
    expect(await instances()).toEqual(launched);
  });

  it('ends at once while another acts, and replaces one that was killed', async () => {
    await cloud.queues.open(requestQueueName('default')).send([{ body: 'work' }]);
    const [first, second] = [await environment(), await environment()];
    const called = first.call({}, 15 * MINUTES_MS);
    called.catch(() => {});
    await until('the first acts', holder);
    expect(await second.call({}, 15 * MINUTES_MS)).toEqual({ end: 'not needed' });
    const launched = await until('a machine runs', async () => {
      const found = await instances();
      return found.length > 0 && found;
    });
    await first.kill();
    await expect(called).rejects.toThrow('The environment ended.');
    // The schedule goes on; a call takes over when the lock was not renewed for long enough.
    await until(
      'a call replaces it',
      async () => ((await second.call({}, 2 * MINUTES_MS)) as { end: string }).end === 'time over',
      { timeoutMs: 3 * MINUTES_MS, everyMs: 1000 },
    );
    expect(await instances()).toEqual(launched);
  });
});

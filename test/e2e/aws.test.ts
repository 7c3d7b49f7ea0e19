/** The same commands on S3 and SQS, as processes of their own over the moto server. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import {
  CreateBucketCommand,
  PutBucketNotificationConfigurationCommand,
  type PutBucketNotificationConfigurationCommandInput,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createS3Client } from '../../src/aws/clients.ts';
import { createAwsCloud } from '../../src/aws/cloud.ts';
import { deadLetterQueueName, requestQueueName } from '../../src/core/keys.ts';
import { standInEnvironment, startMoto } from '../contract/moto.ts';
import { until } from '../contract/until.ts';
import {
  type InstalledPackage,
  installPackage,
  processesOf,
  type Running,
  repository,
  start,
} from './package.ts';

const moto = await startMoto();
const samples = path.join(repository, 'samples');
const names = ['cat.jpg', 'coffee.jpg', 'mountains.jpg', 'rocket.jpg', 'tripod.png'];
const model = ['--model', 'efficientnet-lite0'];

/** S3 sends its test event at once. */
const TELLS_OF_DROPS: PutBucketNotificationConfigurationCommandInput = {
  Bucket: 'test-input',
  NotificationConfiguration: {
    QueueConfigurations: [
      {
        QueueArn: `arn:aws:sqs:us-east-1:123456789012:${requestQueueName('default')}`,
        Events: ['s3:ObjectCreated:*'],
        Filter: { Key: { FilterRules: [{ Name: 'prefix', Value: 'drop/' }] } },
      },
    ],
  },
};

describe.skipIf(moto === undefined)('over S3 and SQS', () => {
  const ours = standInEnvironment(moto?.url ?? '');
  const aws = {
    ...ours,
    IMGCLS_CLOUD: 'aws',
    IMGCLS_INPUT_BUCKET: 'test-input',
    IMGCLS_OUTPUT_BUCKET: 'test-output',
  };
  let installed: InstalledPackage;
  let dataDir: string;
  let worker: Running;

  beforeAll(async () => {
    for (const [name, value] of Object.entries(ours)) vi.stubEnv(name, value);
    const s3 = createS3Client();
    for (const Bucket of ['test-input', 'test-output', 'photos'])
      await s3.send(new CreateBucketCommand({ Bucket }));
    for (const name of names) {
      const Body = await readFile(path.join(samples, name));
      await s3.send(new PutObjectCommand({ Bucket: 'photos', Key: `holiday/${name}`, Body }));
    }
    const cloud = createAwsCloud({
      cluster: 'default',
      inputBucket: 'test-input',
      outputBucket: 'test-output',
    });
    await cloud.queues.create(deadLetterQueueName('default'));
    await cloud.queues.create(requestQueueName('default'), {
      deadLetter: { queue: deadLetterQueueName('default'), maxReceiveCount: 20 },
    });
    await cloud.close();
    await s3.send(new PutBucketNotificationConfigurationCommand(TELLS_OF_DROPS));
    s3.destroy();
    vi.unstubAllEnvs();
    installed = await installPackage();
    dataDir = await installed.dataDir();
    worker = start(installed.bin, dataDir, ['worker'], aws);
  });
  afterAll(async () => {
    worker.kill('SIGTERM');
    expect(await worker.finished).toMatchObject({ code: 0 });
    expect(await processesOf(dataDir)).toEqual([]);
    await installed.remove();
    await moto?.close();
  });

  it('upload labels the samples by a worker elsewhere, and starts none itself', async () => {
    const { code, stdout, stderr } = await start(installed.bin, dataDir, ['upload', samples, ...model], aws)
      .finished;
    expect(code, stderr).toBe(0);
    expect(stdout.match(/^[^,]+/gm)).toEqual(names);
    const job = /job (\w{26})/.exec(stderr)?.[1] ?? '';
    const again = await start(installed.bin, dataDir, ['results', job], aws).finished;
    expect(again.stdout).toBe(stdout);
  });

  it('upload reads a bucket in place', async () => {
    const args = ['upload', 's3://photos/holiday/', '--format', 'ndjson', ...model];
    const { code, stdout, stderr } = await start(installed.bin, dataDir, args, aws).finished;
    expect(code, stderr).toBe(0);
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).name),
    ).toEqual(names);
  });

  it('upload reads a bucket in place also where everything else is on one machine', async () => {
    const alone = await installed.dataDir();
    const { code, stdout, stderr } = await start(
      installed.bin,
      alone,
      ['upload', 's3://photos/holiday/'],
      ours,
    ).finished;
    expect(code, stderr).toBe(0);
    expect(stdout.match(/^[^,]+/gm)).toEqual(names);
    expect(await processesOf(alone)).toEqual([]);
  });

  it('what is dropped into the input bucket is labelled, and its day listed and printed as a job', async () => {
    for (const [name, value] of Object.entries(ours)) vi.stubEnv(name, value);
    const s3 = createS3Client();
    const Body = await readFile(path.join(samples, 'coffee.jpg'));
    const dropped = { Bucket: 'test-input', Key: 'drop/café/my coffee+cup.jpg', Body };
    await s3.send(new PutObjectCommand(dropped));
    await s3.send(new PutObjectCommand({ ...dropped, Key: 'drop/notes.txt', Body: 'no image at all' }));
    s3.destroy();
    vi.unstubAllEnvs();
    const imgcls = (...args: string[]) => start(installed.bin, dataDir, args, aws).finished;
    const day = await until(
      'both images have their outcome',
      async () => {
        const jobs = JSON.parse((await imgcls('jobs', '--format', 'json')).stdout);
        return jobs.find(
          ({ id, done }: { id: string; done: number }) => id.startsWith('drop-') && done === 2,
        );
      },
      { timeoutMs: 60_000, everyMs: 500 },
    );
    expect(day).toMatchObject({ state: 'open', errors: 1 });
    const { code, stdout, stderr } = await imgcls('results', day.id);
    expect(code, stderr).toBe(3);
    expect(stdout.trimEnd().split('\n').toSorted()).toEqual([
      'café/my coffee+cup.jpg, espresso',
      'notes.txt, error: not_an_image',
    ]);
    expect(stderr).toMatch(/2 dropped images so far/);
    for (const command of [['resume'], ['retry'], ['cancel'], ['results', '--wait']]) {
      const refused = await imgcls(...command, day.id);
      expect(refused.code).toBe(2);
      expect(refused.stderr).toMatch(/a day of dropped images/);
    }
    expect((await imgcls('rm', day.id)).code).toBe(0);
    expect((await imgcls('results', day.id)).code).toBe(2);
  });

  it('upload asks for the model by name', async () => {
    const { code, stderr } = await start(installed.bin, dataDir, ['upload', samples], aws).finished;
    expect(code).toBe(2);
    expect(stderr).toMatch(/the model is always explicit/);
  });

  it('says which bucket is not there', async () => {
    const env = { ...aws, IMGCLS_INPUT_BUCKET: 'nowhere' };
    const { code, stderr } = await start(installed.bin, dataDir, ['upload', samples, ...model], env).finished;
    expect(code).toBe(1);
    expect(stderr).toMatch(/nowhere/);
  });
});

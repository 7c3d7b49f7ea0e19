/** The same commands on S3 and SQS, as processes of their own over the moto server; their log, figures and secrets. */

import { hash } from 'node:crypto';
import { cp, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import {
  CreateBucketCommand,
  PutBucketNotificationConfigurationCommand,
  type PutBucketNotificationConfigurationCommandInput,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createS3Client } from '../../src/aws/clients.ts';
import { createAwsCloud } from '../../src/aws/cloud.ts';
import { deadLetterQueueName, requestQueueName } from '../../src/core/job/keys.ts';
import { standInEnvironment, startMoto } from '../contract/moto.ts';
import { until } from '../contract/until.ts';
import { SAMPLES } from '../samples.ts';
import { embeddedMetrics, valuesOf } from '../unit/core/embedded-metric-format.ts';
import {
  type InstalledPackage,
  installPackage,
  processesOf,
  type Running,
  repository,
  start,
} from './package.ts';
import { startService } from './web/up.ts';

const moto = await startMoto();
const samples = path.join(repository, 'samples');
const model = ['--model', 'efficientnet-lite0'];
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';

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
    for (const name of SAMPLES) {
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
    worker = start(installed.bin, dataDir, ['worker'], { ...aws, IMGCLS_METRICS: 'emf' });
  });
  afterAll(async () => {
    worker.kill('SIGTERM');
    await worker.finished;
    expect(await processesOf(dataDir)).toEqual([]);
    await installed.remove();
    await moto?.close();
  });

  it('upload labels the samples by a worker elsewhere, and starts none itself', async () => {
    const { code, stdout, stderr } = await start(installed.bin, dataDir, ['upload', samples, ...model], aws)
      .finished;
    expect(code, stderr).toBe(0);
    expect(stdout.match(/^[^,]+/gm)).toEqual(SAMPLES);
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
    ).toEqual(SAMPLES);
  });

  it('label takes the images of an S3 Inventory as it lists them', async () => {
    const manifest = await putInventory([...SAMPLES.map((name) => `holiday/${name}`), 'holiday/deleted.jpg']);
    const args = ['label', manifest, '--format', 'ndjson', ...model];
    const { code, stdout, stderr } = await start(installed.bin, dataDir, args, aws).finished;
    expect(code, stderr).toBe(3);
    expect(stderr).toContain('The inventory lists the objects of s3://photos of 2026-11-29 01:00 UTC.');
    const outcomes = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(outcomes.map(({ name, error }) => [name, error?.code])).toEqual([
      ...SAMPLES.map((name) => [`holiday/${name}`, undefined]),
      ['holiday/deleted.jpg', 'missing'],
    ]);
  });

  /** Lists objects of the bucket `photos` as S3 does, two files of CSV. @returns the address of the manifest. */
  async function putInventory(keys: readonly string[]): Promise<string> {
    for (const [name, value] of Object.entries(ours)) vi.stubEnv(name, value);
    const s3 = createS3Client();
    await s3.send(new CreateBucketCommand({ Bucket: 'inventories' }));
    const put = (Key: string, Body: Buffer | string) =>
      s3.send(new PutObjectCommand({ Bucket: 'inventories', Key, Body }));
    const files = [keys.slice(0, 5), keys.slice(5)].map((some, at) => {
      const rows = some.map(async (key) => {
        const body = await readFile(path.join(samples, path.basename(key))).catch(() =>
          Buffer.from('deleted'),
        );
        return `"photos","${encodeURIComponent(key)}","${body.byteLength}","2026-11-01T21:32:00.000Z","${hash('md5', body)}"\n`;
      });
      return { key: `photos/all/data/${at}.csv.gz`, rows: Promise.all(rows) };
    });
    const listed = [];
    for (const { key, rows } of files) {
      const body = gzipSync((await rows).join(''));
      await put(key, body);
      listed.push({ key, size: body.byteLength, MD5checksum: hash('md5', body) });
    }
    const manifest = JSON.stringify({
      sourceBucket: 'photos',
      destinationBucket: 'arn:aws:s3:::inventories',
      version: '2016-11-30',
      creationTimestamp: String(Date.UTC(2026, 10, 29, 1)),
      fileFormat: 'CSV',
      fileSchema: 'Bucket, Key, Size, LastModifiedDate, ETag',
      files: listed,
    });
    const folder = 'photos/all/2026-11-29T01-00Z';
    await put(`${folder}/manifest.json`, manifest);
    await put(`${folder}/manifest.checksum`, hash('md5', manifest));
    s3.destroy();
    vi.unstubAllEnvs();
    return `s3://inventories/${folder}/manifest.json`;
  }

  it('upload reads a bucket in place also where everything else is on one machine', async () => {
    const alone = await installed.dataDir();
    const { code, stdout, stderr } = await start(
      installed.bin,
      alone,
      ['upload', 's3://photos/holiday/'],
      ours,
    ).finished;
    expect(code, stderr).toBe(0);
    expect(stdout.match(/^[^,]+/gm)).toEqual(SAMPLES);
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
    expect(stderr).toMatch(/on AWS it must be set/);
  });

  it('upload uses a model that only the cluster has, and the service lists it', async () => {
    const other = await installed.dataDir();
    const mine = path.join(other, 'models', 'mine', 'int8');
    await cp(path.join(repository, 'models', 'efficientnet-lite0'), mine, { recursive: true });
    const manifest = JSON.parse(await readFile(path.join(mine, 'model.json'), 'utf8'));
    await writeFile(path.join(mine, 'model.json'), JSON.stringify({ ...manifest, name: 'mine' }));
    const push = await start(installed.bin, other, ['model', 'push', 'mine'], aws).finished;
    expect(push.code, push.stderr).toBe(0);

    const cat = path.join(samples, 'cat.jpg');
    const upload = await start(installed.bin, dataDir, ['upload', cat, '--model', 'mine/int8', '-v'], aws)
      .finished;
    expect(upload.code, upload.stderr).toBe(0);
    expect(upload.stdout).toMatch(/cat\.jpg, tiger cat/);
    expect(upload.stderr).toContain('Model: mine/int8 of bucket test-output (not installed here;');
    const unknown = await start(installed.bin, dataDir, ['upload', cat, '--model', 'yours'], aws).finished;
    expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining('"yours" is not installed') });

    const service = await startService(installed.bin, dataDir, ['serve', '--model', 'mine'], aws);
    try {
      const { models } = await (await fetch(`${service.url}/v1/models`)).json();
      expect(models).toMatchObject([
        { title: 'efficientnet-lite0/int8', isDefault: false },
        { title: 'mine/int8', isDefault: true },
      ]);
    } finally {
      await service.stop();
    }
  });

  it('says which bucket is not there', async () => {
    const env = { ...aws, IMGCLS_INPUT_BUCKET: 'nowhere' };
    const { code, stderr } = await start(installed.bin, dataDir, ['upload', samples, ...model], env).finished;
    expect(code).toBe(1);
    expect(stderr).toMatch(/nowhere/);
  });

  it('the page and REST service take their token from a secret', async () => {
    const token = 'a token of the service';
    const arn = await secret('token', { SecretString: `${token}\n` });
    const service = start(installed.bin, dataDir, ['serve', '--port', '0', '--token-secret', arn], aws);
    try {
      const url = await until(
        'the service listens',
        async () => /Listening on (\S+)/.exec(service.stderr())?.[1],
      );
      const status = async (given: string) => {
        const headers = { authorization: `Bearer ${given}` };
        return (await fetch(`${url}/v1/server`, { headers })).status;
      };
      expect(await status(token)).toBe(200);
      expect(await status('another token than that')).toBe(401);
    } finally {
      service.kill('SIGTERM');
      await service.finished;
    }
  });

  it('the service starts without its model, for all that needs none, and says so', async () => {
    const args = ['serve', '--port', '0', '--model', 'resnet50'];
    const service = start(installed.bin, await installed.dataDir(), args, aws);
    try {
      const url = await until(
        'the service listens',
        async () => /Listening on (\S+)/.exec(service.stderr())?.[1],
      );
      expect(service.stderr()).toMatch(/"resnet50" is not installed\. Run "imgcls model pull resnet50"/);
      expect((await fetch(`${url}/v1/jobs`)).status).toBe(200);
      expect(await (await fetch(`${url}/v1/server`)).json()).toMatchObject({
        status: 503,
        hint: 'Run "imgcls model pull resnet50".',
      });
    } finally {
      service.kill('SIGTERM');
      await service.finished;
    }
  });

  it('the service does not start without the token of its secret, and says why', async () => {
    const missing = 'arn:aws:secretsmanager:us-east-1:123456789012:secret:nowhere-AbCdEf';
    const short = await secret('short', { SecretString: 'short' });
    const bytes = await secret('bytes', { SecretBinary: Buffer.from('not a text, but long enough') });
    for (const [arn, why] of [
      [missing, /Secret arn:\S+nowhere-AbCdEf does not exist/],
      [short, /does not hold a valid access token\.\n.*16 to 256 characters/],
      [bytes, /is binary; it must be text/],
    ] as const) {
      const args = ['serve', '--port', '0', '--token-secret', arn];
      const { code, stderr } = await start(installed.bin, dataDir, args, aws).finished;
      expect(stderr).toMatch(why);
      expect(code).toBe(2);
    }
  });

  it("the worker's log is a line of JSON each, which follows a job by its trace, and its figures are among them", async () => {
    const env = { ...aws, TRACEPARENT: `00-${TRACE}-00f067aa0ba902b7-01` };
    const uploaded = await start(installed.bin, dataDir, ['upload', samples, ...model], env).finished;
    const job = /job (\w{26})/.exec(uploaded.stderr)?.[1];
    const listed = await start(installed.bin, dataDir, ['jobs', '--format', 'json'], aws).finished;
    expect(JSON.parse(listed.stdout)).toContainEqual(expect.objectContaining({ id: job, trace: TRACE }));

    worker.kill('SIGTERM');
    const { code, stderr } = await worker.finished;
    expect(code).toBe(0);
    const lines = stderr
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    const figures = lines.filter((line) => '_aws' in line).map((line) => embeddedMetrics.parse(line));
    const said = lines.filter((line) => !('_aws' in line));
    for (const line of said) {
      expect(line).toMatchObject({ level: expect.stringMatching(/^(info|warn)$/), msg: expect.any(String) });
      expect(new Date(line.time).toISOString()).toBe(line.time);
    }
    const answered = said.filter(({ msg }) => msg === 'Batch completed.');
    expect(answered).toContainEqual(expect.objectContaining({ job, trace: TRACE, written: 12, errors: 0 }));
    const classified = valuesOf(figures, 'ImagesClassified', { Cluster: 'default' });
    expect(classified.reduce((sum, images) => sum + images)).toBe(
      answered.reduce((sum, { written, errors }) => sum + written - errors, 0),
    );
    for (const metric of ['DecodeMs', 'InferenceMs']) {
      const values = valuesOf(figures, metric);
      expect(Math.max(...values)).toBeGreaterThan(0);
      expect(values.every((ms) => ms >= 0 && ms < 60_000)).toBe(true);
    }
  });
});

/** Makes a secret in the stand-in. @returns its ARN. */
async function secret(
  Name: string,
  value: { SecretString: string } | { SecretBinary: Uint8Array },
): Promise<string> {
  const client = new SecretsManagerClient({
    endpoint: moto?.url ?? '',
    region: 'us-east-1',
    credentials: { accessKeyId: 'testing', secretAccessKey: 'testing' },
  });
  const { ARN = '' } = await client.send(new CreateSecretCommand({ Name, ...value }));
  client.destroy();
  return ARN;
}

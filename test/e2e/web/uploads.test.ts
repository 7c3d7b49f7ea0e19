/// <reference lib="dom" />
/** Images put directly into the input bucket, by browsers and programs, or dropped there. On the moto server. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import {
  CreateBucketCommand,
  DeleteBucketCorsCommand,
  PutBucketCorsCommand,
  PutBucketNotificationConfigurationCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createS3Client } from '../../../src/aws/clients.ts';
import { createAwsCloud } from '../../../src/aws/cloud.ts';
import { imageKey, requestQueueName } from '../../../src/core/job/keys.ts';
import {
  type FaultProxy,
  type ProxiedRequest,
  serviceError,
  startFaultProxy,
} from '../../contract/fault-proxy.ts';
import { standInEnvironment, startMoto } from '../../contract/moto.ts';
import { until } from '../../contract/until.ts';
import { type InstalledPackage, installPackage, type Running, repository, start } from '../package.ts';
import { leave, openBrowser } from './browser.ts';
import { photographs } from './photographs.ts';
import { type Service, startService } from './up.ts';

const moto = await startMoto();
const browser: Browser | undefined = moto && (await openBrowser());
const INPUT = 'test-input';
/** Its images are read in place. */
const ALLOWED = 'test-holiday';
const TOKEN = 'a token that is long enough';
const authorization = `Bearer ${TOKEN}`;

interface Image {
  name: string;
  bytes: Buffer;
  sha256: string;
}

const imageOf = (name: string, bytes: Buffer): Image => ({
  name,
  bytes,
  sha256: createHash('sha256').update(bytes).digest('hex'),
});
const sample = async (name: string) => imageOf(name, await readFile(path.join(repository, 'samples', name)));

describe.skipIf(moto === undefined)('images in the bucket', () => {
  let proxy: FaultProxy;
  let s3: S3Client;
  let installed: InstalledPackage;
  let service: Service;
  let worker: Running;

  beforeAll(async () => {
    proxy = await startFaultProxy(moto?.url ?? '');
    const ours = standInEnvironment(proxy.url);
    for (const [name, value] of Object.entries(ours)) vi.stubEnv(name, value);
    s3 = createS3Client();
    for (const Bucket of [INPUT, 'test-output', ALLOWED]) await s3.send(new CreateBucketCommand({ Bucket }));
    const cloud = createAwsCloud({ cluster: 'default', inputBucket: INPUT, outputBucket: 'test-output' });
    await cloud.queues.create(requestQueueName('default'));
    await cloud.close();
    const dropNotifications = {
      QueueArn: `arn:aws:sqs:us-east-1:123456789012:${requestQueueName('default')}`,
      Events: ['s3:ObjectCreated:*' as const],
      Filter: { Key: { FilterRules: [{ Name: 'prefix' as const, Value: 'drop/' }] } },
    };
    const NotificationConfiguration = { QueueConfigurations: [dropNotifications] };
    await s3.send(
      new PutBucketNotificationConfigurationCommand({ Bucket: INPUT, NotificationConfiguration }),
    );
    installed = await installPackage();
    const aws = {
      ...ours,
      IMGCLS_CLOUD: 'aws',
      IMGCLS_INPUT_BUCKET: INPUT,
      IMGCLS_OUTPUT_BUCKET: 'test-output',
      IMGCLS_MODEL: 'efficientnet-lite0',
      IMGCLS_TOKEN: TOKEN,
      IMGCLS_ALLOW_BUCKETS: ALLOWED,
      IMGCLS_MAX_IMAGE_BYTES: '10000000',
    };
    service = await startService(installed.bin, await installed.dataDir(), ['serve'], aws);
    worker = start(installed.bin, await installed.dataDir(), ['worker'], aws);
  });
  afterEach(() => {
    expect(proxy.unused(), 'faults that no request triggered').toBe(0);
  });
  afterAll(async () => {
    worker?.kill('SIGTERM');
    await worker?.finished;
    await service?.stop();
    s3?.destroy();
    vi.unstubAllEnvs();
    await proxy?.close();
    await moto?.close();
    await installed?.remove();
  });

  // biome-ignore lint/suspicious/noExplicitAny: the expectations check its shape.
  type Answer = any;

  async function post(address: string, body: object, headers: object = { authorization }): Promise<Answer> {
    const answer = await fetch(`${service.url}${address}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
    return { status: answer.status, ...(await answer.json()) };
  }

  const get = async (address: string): Promise<Answer> =>
    await (await fetch(`${service.url}${address}`, { headers: { authorization } })).json();

  const refs = (images: readonly Image[]) =>
    images.map(({ sha256, bytes }) => ({ sha256, bytes: bytes.byteLength }));
  const named = (images: readonly Image[]) =>
    images.map(({ name, sha256, bytes }) => ({ name, sha256, bytes: bytes.byteLength }));

  async function put({ url, headers }: { url: string; headers: Record<string, string> }, bytes: Buffer) {
    return (await fetch(url, { method: 'PUT', headers, body: new Uint8Array(bytes) })).status;
  }

  async function outcomesOf(job: string) {
    const isFinished = async () => ((await get(`/v1/jobs/${job}`)).state === 'finished' ? true : undefined);
    await until('the job is finished', isFinished, { timeoutMs: 60_000 });
    return (await get(`/v1/jobs/${job}/results`)).outcomes;
  }

  /** Presigned requests: they carry no credentials. */
  const direct = ({ method, path: at, headers }: ProxiedRequest) =>
    method === 'PUT' && at.startsWith(`/${INPUT}/images/`) && headers.authorization === undefined;
  const sentDirectly = () => proxy.requests.filter(direct);

  describe('by a program', () => {
    it('are put with the offered URLs, and become a job that names them', async () => {
      const images = [await sample('cat.jpg'), await sample('coffee.jpg')];
      const offered = await post('/v1/uploads', { images: refs(images) });
      expect(offered.uploads.map(({ sha256 }: Image) => sha256)).toEqual(images.map(({ sha256 }) => sha256));
      for (const [place, { bytes }] of images.entries())
        expect(await put(offered.uploads[place].put, bytes)).toBe(200);
      // A stored image is not replaced, even with a valid URL.
      expect(await put(offered.uploads[0].put, images[0]?.bytes ?? Buffer.alloc(0))).toBe(412);
      const again = await post('/v1/uploads', { images: refs(images) });
      expect(again.uploads).toEqual(images.map(({ sha256 }) => ({ sha256 })));
      const key = { authorization, 'idempotency-key': 'twice' };
      const request = { images: named(images), topK: 2 };
      const job = await post('/v1/jobs', request, key);
      expect(job).toMatchObject({ status: 201, total: 2, topK: 2 });
      expect((await post('/v1/jobs', request, key)).id).toBe(job.id);
      expect(await outcomesOf(job.id)).toMatchObject([
        { name: 'cat.jpg', label: 'tiger cat' },
        { name: 'coffee.jpg', label: 'espresso' },
      ]);
    });

    it('get no label if their bytes do not match their digest', async () => {
      const [real, fake] = [await sample('rocket.jpg'), await sample('tripod.png')];
      const bytes = fake.bytes.subarray(0, real.bytes.byteLength);
      const lie = {
        ...real,
        bytes: Buffer.concat([bytes, Buffer.alloc(real.bytes.byteLength - bytes.byteLength)]),
      };
      const { uploads } = await post('/v1/uploads', { images: refs([lie]) });
      // S3 checks the bytes against the signed checksum and refuses this. Moto does not check.
      expect(await put(uploads[0].put, lie.bytes)).toBe(200);
      const job = await post('/v1/jobs', { images: named([lie]) });
      const [outcome] = await outcomesOf(job.id);
      expect(outcome).toMatchObject({ error: { code: 'changed' } });
      expect(outcome.label).toBeUndefined();
    });

    it('create no job while one of them is missing or differs', async () => {
      const [there, missing] = [
        imageOf('there.jpg', Buffer.from('1')),
        imageOf('<missing>.jpg', Buffer.from('2')),
      ];
      const { uploads } = await post('/v1/uploads', { images: refs([there]) });
      await put(uploads[0].put, there.bytes);
      const jobs = async () => (await get('/v1/jobs?limit=100')).jobs.length;
      const before = await jobs();
      expect(await post('/v1/jobs', { images: named([there, missing]) })).toMatchObject({
        status: 409,
        detail: 'Not in the bucket: <missing>.jpg.',
      });
      const shorter = [{ name: 'shorter', sha256: there.sha256, bytes: there.bytes.byteLength + 1 }];
      expect(await post('/v1/jobs', { images: shorter })).toMatchObject({ status: 409 });
      // The same length, but the bucket knows another digest.
      const Key = imageKey(missing.sha256);
      await s3.send(new PutObjectCommand({ Bucket: INPUT, Key, Body: '3', ChecksumAlgorithm: 'SHA256' }));
      expect(await post('/v1/jobs', { images: named([missing]) })).toMatchObject({ status: 409 });
      expect(await jobs()).toBe(before);
    });

    it('are subject to the limits of the service; a too large image gets its error in the job', async () => {
      const large = { sha256: 'ab'.repeat(32), bytes: 10_000_001 };
      expect(await post('/v1/uploads', { images: [large] })).toMatchObject({ status: 413 });
      const many = Array.from({ length: 101 }, () => ({ ...large, bytes: 1 }));
      expect(await post('/v1/uploads', { images: many })).toMatchObject({ status: 400 });
      expect(await post('/v1/uploads', { images: [{ ...large, sha256: '../../secret' }] })).toMatchObject({
        status: 400,
      });
      const job = await post('/v1/jobs', { images: [{ name: 'large.jpg', ...large }] });
      expect(await outcomesOf(job.id)).toMatchObject([{ name: 'large.jpg', error: { code: 'too_large' } }]);
    });

    it('need the token, and cannot be requested by pages of other sites', async () => {
      const images = [{ sha256: 'cd'.repeat(32), bytes: 1 }];
      expect(await post('/v1/uploads', { images }, {})).toMatchObject({ status: 401 });
      const origin = 'https://elsewhere.example';
      expect(await post('/v1/uploads', { images }, { authorization, origin })).toMatchObject({ status: 403 });
    });

    it('are in the OpenAPI document', async () => {
      const document = await get('/openapi.json');
      expect(Object.keys(document.paths['/v1/uploads'].post.responses)).toEqual(
        expect.arrayContaining(['200', '400', '401', '403', '413', '429', '503']),
      );
      expect(JSON.stringify(document.paths['/v1/jobs/named'].post.requestBody)).toMatch(/UploadedJob/);
    });
  });

  describe.skipIf(browser === undefined)('by the page', () => {
    let page: Page;
    let files: string[];
    beforeAll(async () => {
      files = await photographs(path.join(await installed.emptyFolder(), 'photographs'), 8);
      page = await (browser as Browser).newPage({ viewport: { width: 1280, height: 2000 } });
    });
    beforeEach(async () => {
      // The CORS rule of the template, for this page only.
      const rule = {
        AllowedOrigins: [service.url],
        AllowedMethods: ['PUT'],
        AllowedHeaders: ['if-none-match', 'x-amz-checksum-sha256', 'x-amz-sdk-checksum-algorithm'],
        MaxAgeSeconds: 3000,
      };
      await s3.send(new PutBucketCorsCommand({ Bucket: INPUT, CORSConfiguration: { CORSRules: [rule] } }));
      await page.goto(service.url);
      await page.getByLabel('Token').fill(TOKEN);
      await page.keyboard.press('Enter');
      await page.getByRole('button', { name: 'Choose photos' }).waitFor();
    });
    afterEach(async () => await leave(page));
    afterAll(() => browser?.close());

    /** Submits the files. @returns the number of PUTs to the bucket, and the content types of the requests to the service. */
    async function submit(chosen: readonly string[]): Promise<{ puts: number; types: string[] }> {
      const before = sentDirectly().length;
      const types: string[] = [];
      page.on('request', (request) => {
        if (request.method() === 'POST' && request.url() === `${service.url}/v1/jobs`)
          types.push(request.headers()['content-type'] ?? '');
      });
      await page.getByLabel('Images', { exact: true }).setInputFiles([...chosen]);
      await page.getByRole('button', { name: `Label ${chosen.length} photos` }).click();
      await page.waitForURL(/\/jobs\/\w{26}$/, { timeout: 60_000 });
      await until(
        'all labels',
        async () => ((await page.locator('.photo-labelled').count()) === chosen.length ? true : undefined),
        { timeoutMs: 60_000 },
      );
      return { puts: sentDirectly().length - before, types };
    }

    it('go directly to the bucket, each once, and are not sent again', async () => {
      const { puts, types } = await submit(files.slice(0, 5));
      expect(puts).toBe(5);
      expect(types).toEqual(['application/json']);
      for (const { path: at, body, headers } of sentDirectly().slice(-5)) {
        const digest = createHash('sha256').update(body).digest();
        expect(headers['x-amz-checksum-sha256']).toBe(digest.toString('base64'));
        expect(at.split('?')[0]).toBe(`/${INPUT}/${imageKey(digest.toString('hex'))}`);
        expect(headers.origin).toBe(service.url);
      }
      await page.goto(service.url);
      expect(await submit(files.slice(0, 6))).toMatchObject({ puts: 1 });
    });

    it('survive a busy bucket and a lost connection', async () => {
      proxy.inject({ of: direct, answer: async (request) => serviceError(request, 503, 'SlowDown') });
      proxy.inject({ of: direct, answer: async () => 'reset' });
      const { types } = await submit(files.slice(6, 8));
      expect(types).toEqual(['application/json']);
    });

    it('go through the service if the browser cannot reach the bucket', async () => {
      await s3.send(new DeleteBucketCorsCommand({ Bucket: INPUT }));
      const others = await photographs(path.join(await installed.emptyFolder(), 'others'), 10);
      const { puts, types } = await submit(others.slice(8, 10));
      expect(puts).toBe(0);
      expect(types).toEqual([expect.stringMatching(/^multipart\/form-data/)]);
    });

    it('are labelled in place if their addresses in S3 are pasted', async () => {
      for (const file of files.slice(0, 2))
        await s3.send(
          new PutObjectCommand({
            Bucket: ALLOWED,
            Key: `beach/${path.basename(file)}`,
            Body: await readFile(file),
          }),
        );
      await page.evaluate((text) => {
        const clipboardData = new DataTransfer();
        clipboardData.setData('text/plain', text);
        document.body.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true }));
      }, `s3://${ALLOWED}/beach/\n`);
      await page.getByRole('button', { name: 'Label their photos' }).click();
      await page.waitForURL(/\/jobs\/\w{26}$/);
      await expect.poll(() => page.locator('.photo-labelled').count(), { timeout: 60_000 }).toBe(2);
    });

    it('are shown by day if they were dropped, with their pictures, and cannot be cancelled', async () => {
      for (const file of files.slice(0, 3)) {
        const Key = `drop/holiday/${path.basename(file)}`;
        await s3.send(new PutObjectCommand({ Bucket: INPUT, Key, Body: await readFile(file) }));
      }
      await page.goto(`${service.url}/jobs`);
      await page.getByText('Dropped photos').waitFor({ timeout: 60_000 });
      await page.getByRole('link', { name: /^Dropped photos/ }).click();
      await page.waitForURL(/\/jobs\/drop-\d{4}-\d{2}-\d{2}$/);
      await until(
        'labels and pictures',
        async () => {
          const labels = await page.locator('.photo-labelled').count();
          const pictures = await page
            .locator('.photo img')
            .evaluateAll((all) => all.filter((one) => (one as HTMLImageElement).naturalWidth > 0).length);
          return labels === 3 && pictures === 3 ? true : undefined;
        },
        { timeoutMs: 60_000 },
      );
      const name = `holiday/${path.basename(files[0] ?? '')}`;
      expect(await page.getByRole('button', { name }).count()).toBe(1);
      expect(await page.getByRole('button', { name: 'Cancel job' }).count()).toBe(0);
      const day = page.url().slice(-'drop-2026-11-26'.length);
      expect(await post(`/v1/jobs/${day}/cancel`, {})).toMatchObject({ status: 409 });
      const csv = await fetch(`${service.url}/v1/jobs/${day}/results?format=csv`, {
        headers: { authorization },
      });
      expect((await csv.text()).trimEnd().split('\r\n')).toHaveLength(4);
      await page.getByRole('button', { name: 'More actions' }).click();
      await page.getByRole('menuitem', { name: 'Delete job' }).click();
      await page.getByRole('button', { name: 'Delete', exact: true }).click();
      await page.waitForURL(`${service.url}/jobs`);
      expect((await get('/v1/jobs')).jobs.map(({ id }: { id: string }) => id)).not.toContain(day);
    });

    it('go nowhere else: the policy lets the page connect only to the images of that bucket', async () => {
      const answer = await fetch(service.url);
      const policy = answer.headers.get('content-security-policy') ?? '';
      expect(policy).toContain(`connect-src 'self' ${proxy.url}/${INPUT}/images/;`);
      for (const elsewhere of [`${proxy.url}/test-output/jobs`, `${proxy.url}/${INPUT}/drop/a`]) {
        const refused = await page.evaluate(
          (url) =>
            new Promise<string>((resolve) => {
              document.addEventListener('securitypolicyviolation', (event) =>
                resolve(event.violatedDirective),
              );
              fetch(url).catch(() => {});
            }),
          elsewhere,
        );
        expect(refused).toBe('connect-src');
      }
    });
  });
});

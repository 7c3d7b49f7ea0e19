/** The AWS adapters over moto, behind a proxy that injects faults of AWS and of networks. */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { DeleteQueueCommand, GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createSqsClient } from '../../src/aws/clients.ts';
import type { Timing } from '../../src/aws/retry.ts';
import { createUploadUrls } from '../../src/aws/upload-urls.ts';
import type { Cloud, Queue, Store } from '../../src/core/cloud/ports.ts';
import { imageKey } from '../../src/core/job/keys.ts';
import {
  type ImgclsError,
  ObjectMissingError,
  PreconditionFailedError,
  QueueMissingError,
} from '../../src/core/runtime/errors.ts';
import { AwsClouds, describeAwsQueues, describeAwsStore, makeBucket } from './aws-clouds.ts';
import {
  type FaultProxy,
  failingEntries,
  type ProxiedRequest,
  serviceError,
  startFaultProxy,
} from './fault-proxy.ts';
import { standInEnvironment, startMoto } from './moto.ts';
import { until } from './until.ts';

const moto = await startMoto();

describe.skipIf(moto === undefined)('over moto', () => {
  let proxy: FaultProxy;
  const clouds = new AwsClouds();

  beforeAll(async () => {
    proxy = await startFaultProxy(moto?.url ?? '');
  });
  beforeEach(() => {
    for (const [name, value] of Object.entries(standInEnvironment(proxy.url))) vi.stubEnv(name, value);
  });
  afterEach(async () => {
    await clouds.close();
    vi.unstubAllEnvs();
    expect(proxy.unused(), 'unused faults').toBe(0);
  });
  afterAll(async () => {
    await proxy.close();
    await moto?.close();
  });

  /** No pauses before our own retries; the SDK's retries take real time. */
  const quick: Timing = { clock: { nowMs: () => Date.now(), sleep: async () => {} }, random: () => 0 };

  describeAwsStore(clouds);
  describeAwsQueues(clouds);

  const s3 =
    (method: string, part = '') =>
    (request: ProxiedRequest): boolean =>
      request.action === '' && request.method === method && request.path.includes(part);
  const sqs =
    (action: string) =>
    (request: ProxiedRequest): boolean =>
      request.action === action;
  const failing = (status: number, code: string) => async (request: ProxiedRequest) =>
    serviceError(request, status, code);
  const reset = async () => 'reset' as const;
  const errorOf = async (promise: Promise<unknown>): Promise<ImgclsError> =>
    promise.then(
      () => expect.fail('it succeeded'),
      (error: ImgclsError) => error,
    );

  describe('failures of S3', () => {
    let bucket: string;
    let store: Store;
    const text = async (key: string): Promise<string> => Buffer.from((await store.get(key)).body).toString();
    const streamed = (data: Uint8Array) => ({
      bytes: data.byteLength,
      open: vi.fn(() => Readable.from([data], { objectMode: false })),
    });

    beforeEach(async () => {
      bucket = await makeBucket();
      store = clouds.open(bucket, quick).output;
    });

    it('stores an object despite throttling and a broken connection', async () => {
      proxy.inject({ of: s3('PUT', 'key'), answer: failing(503, 'SlowDown') });
      proxy.inject({ of: s3('PUT', 'key'), answer: reset });
      await store.put('key', Buffer.from('stored'));
      expect(await text('key')).toBe('stored');
    });

    it('opens a large stream again for each attempt', async () => {
      const warned = vi.spyOn(console, 'warn');
      const body = streamed(randomBytes(3_000_000));
      proxy.inject({ of: s3('PUT', 'big'), answer: failing(500, 'InternalError') });
      proxy.inject({ of: s3('PUT', 'big'), answer: reset });
      await store.put('big', body);
      expect(body.open).toHaveBeenCalledTimes(3);
      expect((await store.head('big'))?.bytes).toBe(3_000_000);
      expect(warned).not.toHaveBeenCalled();
    });

    it('reads an object again after its response broke half way', async () => {
      await store.put('key', randomBytes(200_000));
      proxy.inject({
        of: s3('GET', 'key'),
        answer: async (_request, forward) => ({ ...(await forward()), cutAfter: 100_000 }),
      });
      expect((await store.get('key')).body.byteLength).toBe(200_000);
    });

    it('reports a stream that broke half way as a transient error', async () => {
      await store.put('key', randomBytes(200_000));
      proxy.inject({
        of: s3('GET', 'key'),
        answer: async (_request, forward) => ({ ...(await forward()), cutAfter: 100_000 }),
      });
      const { body } = await store.getStream('key');
      expect(await errorOf(buffer(body))).toMatchObject({ kind: 'transient' });
    });

    it('recognises its own conditional write when the response was lost', async () => {
      const lostResponse = {
        of: s3('PUT', 'lock'),
        answer: async (_request: ProxiedRequest, forward: () => Promise<unknown>) => {
          await forward();
          return 'reset' as const;
        },
      };
      proxy.inject(lostResponse);
      const first = await store.put('lock', Buffer.from('mine'), { only: 'absent' });
      expect(first.etag).toBe((await store.head('lock'))?.etag);
      proxy.inject(lostResponse);
      const next = await store.put('lock', Buffer.from('renewed'), { only: { etag: first.etag } });
      expect(next.etag).toBe((await store.head('lock'))?.etag);
    });

    it('does not take the write of another writer for its own', async () => {
      const other = clouds.open(bucket, quick).output;
      proxy.inject({
        of: s3('PUT', 'lock'),
        answer: async () => {
          await other.put('lock', Buffer.from('same text'), { only: 'absent' });
          return 'reset';
        },
      });
      await expect(store.put('lock', Buffer.from('same text'), { only: 'absent' })).rejects.toThrow(
        PreconditionFailedError,
      );
    });

    it('retries a put that collided with another conditional put, and then wins or loses', async () => {
      const conflict = { of: s3('PUT', 'lock'), answer: failing(409, 'ConditionalRequestConflict') };
      proxy.inject({ ...conflict, times: 2 });
      const { etag } = await store.put('lock', Buffer.from('first'), { only: 'absent' });
      proxy.inject(conflict);
      await expect(store.put('lock', Buffer.from('second'), { only: 'absent' })).rejects.toThrow(
        PreconditionFailedError,
      );
      proxy.inject({ ...conflict, times: 7 });
      const error = await errorOf(store.put('lock', Buffer.from('third'), { only: { etag } }));
      expect(error).toMatchObject({ kind: 'transient' });
      expect(await text('lock')).toBe('first');
    });

    it('lets one of many writers win', async () => {
      const writes = Array.from({ length: 12 }, (_, n) =>
        store.put('lock', Buffer.from(`writer ${n}`), { only: 'absent' }),
      );
      const settled = await Promise.allSettled(writes);
      expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    });

    const deleteAnswer = (code: string, key: string) => async () => ({
      status: 200,
      headers: { 'content-type': 'application/xml' },
      body: `<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Error><Key>${key}</Key><Code>${code}</Code><Message>We are sorry.</Message></Error></DeleteResult>`,
    });

    it('retries objects that S3 failed to delete', async () => {
      await store.put('a', Buffer.from('a'));
      proxy.inject({ of: s3('POST', 'delete'), answer: deleteAnswer('InternalError', 'a') });
      await store.delete(['a']);
      expect(await store.head('a')).toBeUndefined();
    });

    it('names an object that S3 refuses to delete', async () => {
      proxy.inject({ of: s3('POST', 'delete'), answer: deleteAnswer('AccessDenied', 'b') });
      const error = await errorOf(store.delete(['a', 'b', 'c']));
      expect(error).toMatchObject({ kind: 'permanent', hint: expect.stringContaining('permissions') });
      expect(error.message).toContain('1 of 3, the first b');
    });

    it('lists keys with characters that XML cannot contain', async () => {
      // S3 allows a line break too; moto does not.
      const keys = ['a\u0001b', 'plus+ space%20'];
      for (const key of keys) await store.put(key, Buffer.from('x'));
      expect((await Array.fromAsync(store.list(''))).map(({ key }) => key)).toEqual(keys);
    });

    it('reports a missing bucket in every call', async () => {
      const nowhere = clouds.open('imgcls-there-is-no-such-bucket', quick).output;
      const calls = [
        () => nowhere.head('key'),
        () => nowhere.get('key'),
        () => nowhere.put('key', Buffer.from('x')),
        () => nowhere.put('key', Buffer.from('x'), { only: { etag: '"x"' } }),
        () => nowhere.refresh('key'),
        () => nowhere.delete(['key']),
        () => Array.fromAsync(nowhere.list('')),
      ];
      for (const call of calls) {
        const error = await errorOf(call());
        expect(error).toMatchObject({ kind: 'permanent', hint: expect.stringContaining('imgcls deploy') });
        expect(error).not.toBeInstanceOf(ObjectMissingError);
        expect(error.message).toContain('imgcls-there-is-no-such-bucket');
      }
    });

    it('follows a redirect to the region of the bucket', async () => {
      await store.put('key', Buffer.from('far away'));
      proxy.inject({
        of: s3('GET', 'key'),
        answer: async () => ({ status: 301, headers: { 'x-amz-bucket-region': 'eu-north-1' }, body: '' }),
      });
      expect(await text('key')).toBe('far away');
      expect(proxy.requests.at(-1)?.headers.authorization).toContain('/eu-north-1/s3/');
    });

    it('distinguishes a denied look-up from a missing object', async () => {
      proxy.inject({ of: s3('HEAD', 'key'), answer: async () => ({ status: 403, body: '' }) });
      expect(await errorOf(store.head('key'))).toMatchObject({
        kind: 'permanent',
        message: expect.stringContaining('denied'),
      });
    });
  });

  describe('failures of SQS', () => {
    let cloud: Cloud;
    let queue: Queue;
    beforeEach(async () => {
      cloud = clouds.open('unused', quick);
      queue = await cloud.queues.create(`imgcls-contract-${randomUUID()}`);
    });
    afterEach(() => cloud.queues.remove(queue.name));

    const requestsOf = (action: string, since: number): Record<string, unknown>[] =>
      proxy.requests
        .slice(since)
        .filter(sqs(action))
        .map(({ body }) => JSON.parse(String(body)));
    const receiveAll = async (): Promise<{ body: string; receipt: string }[]> => {
      const got = [];
      for (;;) {
        const more = await queue.receive({ max: 10, waitMs: 0, leaseMs: 600_000 });
        if (more.length === 0) return got;
        got.push(...more);
      }
    };
    const internal = { Code: 'InternalError', SenderFault: false };

    it('retries only the messages that SQS failed to send', async () => {
      proxy.inject({
        of: sqs('SendMessageBatch'),
        answer: failingEntries((_entry, n) => (n % 2 === 0 ? internal : undefined)),
      });
      const sent = Array.from({ length: 7 }, (_, n) => `message ${n}`);
      await queue.send(sent.map((body) => ({ body })));
      expect((await receiveAll()).map(({ body }) => body).sort()).toEqual(sent);
    });

    it('reports refused messages and the reason if a retry cannot help', async () => {
      proxy.inject({
        of: sqs('SendMessageBatch'),
        answer: failingEntries((_entry, n) =>
          n === 1 ? { Code: 'InvalidMessageContents', SenderFault: true } : undefined,
        ),
      });
      const error = await errorOf(queue.send([{ body: 'a' }, { body: 'b' }, { body: 'c' }]));
      expect(error).toMatchObject({ kind: 'permanent', message: expect.stringContaining('1 of 3') });
      expect(error.message).toContain('InvalidMessageContents');
    });

    it('reports a transient error if SQS fails at the last retry too', async () => {
      proxy.inject({ of: sqs('SendMessageBatch'), times: 7, answer: failingEntries(() => internal) });
      expect(await errorOf(queue.send([{ body: 'a' }]))).toMatchObject({ kind: 'transient' });
    });

    it('retries messages that SQS failed to delete, and returns only lost leases', async () => {
      await queue.send([{ body: 'a' }, { body: 'b' }, { body: 'c' }]);
      const receipts = (await receiveAll()).map(({ receipt }) => receipt);
      proxy.inject({
        of: sqs('DeleteMessageBatch'),
        answer: failingEntries((_entry, n) =>
          n === 0 ? internal : n === 1 ? { Code: 'ReceiptHandleIsInvalid', SenderFault: true } : undefined,
        ),
      });
      expect(await queue.delete(receipts)).toEqual([receipts[1]]);
    });

    it.each([
      ['MessageNotInflight', true],
      ['AWS.SimpleQueueService.MessageNotInflight', true],
      ['InvalidParameterValue', true],
      // As from LocalStack.
      ['InvalidParameterValueException', false],
    ])('returns a lost lease (%s) and extends the others', async (Code, SenderFault) => {
      await queue.send([{ body: 'a' }, { body: 'b' }]);
      const receipts = (await receiveAll()).map(({ receipt }) => receipt);
      proxy.inject({
        of: sqs('ChangeMessageVisibilityBatch'),
        answer: failingEntries((_entry, n) => (n === 0 ? { Code, SenderFault } : internal)),
      });
      expect(await queue.extend(receipts, 60_000)).toEqual([receipts[0]]);
    });

    it('retries when SQS throttles a call or a connection breaks', async () => {
      proxy.inject({ of: sqs('SendMessageBatch'), answer: failing(400, 'RequestThrottled') });
      proxy.inject({ of: sqs('SendMessageBatch'), answer: reset });
      await queue.send([{ body: 'through' }]);
      proxy.inject({ of: sqs('ReceiveMessage'), answer: failing(503, 'ServiceUnavailable') });
      expect(await receiveAll()).toHaveLength(1);
    });

    it('keeps every batch within ten messages and 256 KB', async () => {
      const since = proxy.requests.length;
      const sizes = [...Array.from({ length: 12 }, () => 10), 200_000, 100_000, 100_000, 30];
      await queue.send(sizes.map((size) => ({ body: 'ü'.repeat(size / 2) })));
      const batches = requestsOf('SendMessageBatch', since).map(({ Entries }) =>
        (Entries as { MessageBody: string }[]).map(({ MessageBody }) => Buffer.byteLength(MessageBody)),
      );
      expect(batches.flat()).toHaveLength(sizes.length);
      for (const batch of batches) {
        expect(batch.length).toBeLessThanOrEqual(10);
        expect(batch.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThanOrEqual(262_144);
      }
    });

    it('rounds leases, delays and waits up to whole seconds', async () => {
      const since = proxy.requests.length;
      await queue.send([{ body: 'x', delayMs: 1 }]);
      await queue.receive({ max: 1, waitMs: 400, leaseMs: 1_001 });
      expect(requestsOf('SendMessageBatch', since)).toMatchObject([{ Entries: [{ DelaySeconds: 1 }] }]);
      expect(requestsOf('ReceiveMessage', since)).toMatchObject([
        { WaitTimeSeconds: 1, VisibilityTimeout: 2 },
      ]);
    });

    it('looks up the URL of a queue once, and again after the queue was removed', async () => {
      const since = proxy.requests.length;
      const other = clouds.open('unused', quick).queues.open(queue.name);
      await Promise.all([other.send([{ body: 'a' }]), other.send([{ body: 'b' }]), other.depth()]);
      await other.depth();
      expect(requestsOf('GetQueueUrl', since)).toHaveLength(1);
      await cloud.queues.remove(queue.name);
      await expect(other.depth()).rejects.toThrow(QueueMissingError);
      await cloud.queues.create(queue.name);
      expect(await other.depth()).toEqual({ waiting: 0, inFlight: 0, delayed: 0 });
      expect(requestsOf('GetQueueUrl', since)).toHaveLength(2);
    });

    it('ends a receive at once when the caller aborts while SQS is down', async () => {
      proxy.inject({ of: sqs('ReceiveMessage'), answer: failing(503, 'ServiceUnavailable') });
      const start = performance.now();
      const signal = AbortSignal.timeout(100);
      let hung: (() => void) | undefined;
      const never = new Promise<'reset'>((resolve) => {
        hung = () => resolve('reset');
      });
      proxy.inject({ of: sqs('GetQueueUrl'), answer: () => never });
      const cold = clouds.open('unused', quick).queues.open(queue.name);
      const lookingUp = cold.receive({ max: 1, waitMs: 20_000, leaseMs: 1_000, signal });
      const receiving = queue.receive({ max: 1, waitMs: 20_000, leaseMs: 1_000, signal });
      expect(await Promise.all([lookingUp, receiving])).toEqual([[], []]);
      expect(performance.now() - start).toBeLessThan(3_000);
      hung?.();
    });

    it('reports how long the name of a deleted queue is blocked', async () => {
      proxy.inject({
        of: sqs('CreateQueue'),
        answer: failing(400, 'AWS.SimpleQueueService.QueueDeletedRecently'),
      });
      expect(await errorOf(cloud.queues.create('imgcls-contract-again'))).toMatchObject({
        kind: 'transient',
        hint: expect.stringContaining('60 seconds'),
      });
    });

    it('reports too many messages in flight as a transient error', async () => {
      proxy.inject({ of: sqs('ReceiveMessage'), answer: failing(403, 'OverLimit') });
      expect(await errorOf(receiveAll())).toMatchObject({ kind: 'transient' });
    });

    it('returns a new queue only after SQS knows it', async () => {
      const name = `imgcls-contract-${randomUUID()}`;
      proxy.inject({
        of: sqs('GetQueueAttributes'),
        times: 2,
        answer: failing(400, 'AWS.SimpleQueueService.NonExistentQueue'),
      });
      const made = await cloud.queues.create(name);
      await made.send([{ body: 'x' }]);
      await cloud.queues.remove(name);
    });

    it('creates queues with encryption, long polls and the longest retention', async () => {
      const client = createSqsClient();
      const { Attributes } = await client.send(
        new GetQueueAttributesCommand({
          QueueUrl: `${proxy.url}/123456789012/${queue.name}`,
          AttributeNames: ['All'],
        }),
      );
      client.destroy();
      expect(Attributes).toMatchObject({
        VisibilityTimeout: '60',
        MessageRetentionPeriod: '1209600',
        ReceiveMessageWaitTimeSeconds: '20',
        SqsManagedSseEnabled: 'true',
      });
    });

    it('lists queues page by page', async () => {
      const since = proxy.requests.length;
      const prefix = `imgcls-list-${randomUUID().slice(0, 8)}-`;
      const names = Array.from({ length: 12 }, (_, n) => `${prefix}${String(n).padStart(2, '0')}`);
      for (const name of names) await cloud.queues.create(name);
      // Pages have a thousand entries. With pages of five, a dozen queues fill three.
      proxy.inject({
        of: sqs('ListQueues'),
        times: 3,
        answer: (request, forward) =>
          forward(JSON.stringify({ ...JSON.parse(String(request.body)), MaxResults: 5 })),
      });
      const listed = await Array.fromAsync(cloud.queues.list(prefix));
      expect(listed.map(({ name }) => name).sort()).toEqual(names);
      expect(requestsOf('ListQueues', since)).toHaveLength(3);
      for (const { name } of listed) await cloud.queues.remove(name);
    });

    it('omits a queue that is removed while it is listed', async () => {
      const prefix = `imgcls-gone-${randomUUID().slice(0, 8)}-`;
      for (const n of [1, 2]) await cloud.queues.create(`${prefix}${n}`);
      const client = createSqsClient();
      proxy.inject({
        of: (request) => sqs('GetQueueAttributes')(request) && String(request.body).includes(`${prefix}1`),
        answer: async (request, forward) => {
          const { QueueUrl } = JSON.parse(String(request.body)) as { QueueUrl: string };
          await client.send(new DeleteQueueCommand({ QueueUrl }));
          return await forward();
        },
      });
      const listed = await Array.fromAsync(cloud.queues.list(prefix));
      expect(listed.map(({ name }) => name)).toEqual([`${prefix}2`]);
      client.destroy();
      await cloud.queues.remove(`${prefix}2`);
    });
  });

  describe('settings of any AWS tool', () => {
    const DEAD = 'http://127.0.0.1:9';

    it('prefers the endpoint of a service to the common one', async () => {
      vi.stubEnv('AWS_ENDPOINT_URL', DEAD);
      vi.stubEnv('AWS_ENDPOINT_URL_S3', proxy.url);
      vi.stubEnv('AWS_ENDPOINT_URL_SQS', proxy.url);
      vi.stubEnv('AWS_REGION', 'eu-central-1');
      const cloud = clouds.open('imgcls-elsewhere');
      await expect(cloud.output.get('x')).rejects.toThrow('bucket does not exist');
      await expect(cloud.queues.open('imgcls-elsewhere').depth()).rejects.toThrow(QueueMissingError);
    });

    it('reads region, credentials and endpoint from a profile', async () => {
      const bucket = await makeBucket();
      const dir = await mkdtemp(path.join(tmpdir(), 'imgcls-aws-'));
      const config = path.join(dir, 'config');
      await writeFile(
        config,
        `[profile moto]\nregion = us-west-2\nendpoint_url = ${proxy.url.replace('127.0.0.1', 'localhost')}\naws_access_key_id = a\naws_secret_access_key = b\n`,
      );
      for (const [name, value] of Object.entries(standInEnvironment(''))) vi.stubEnv(name, value);
      for (const name of ['ENDPOINT_URL', 'REGION', 'ACCESS_KEY_ID', 'SECRET_ACCESS_KEY']) {
        vi.stubEnv(`AWS_${name}`, undefined);
      }
      vi.stubEnv('AWS_CONFIG_FILE', config);
      vi.stubEnv('AWS_PROFILE', 'moto');
      const cloud = clouds.open(bucket);
      // Buckets of a custom endpoint are in the path. By itself the SDK would use the host name bucket.localhost.
      await cloud.output.put('key', Buffer.from('x'));
      expect(proxy.requests.at(-1)).toMatchObject({
        method: 'PUT',
        path: expect.stringContaining(`/${bucket}/key`),
      });
      expect(proxy.requests.at(-1)?.headers.authorization).toContain('/us-west-2/s3/');
      await rm(dir, { recursive: true });
    });

    it('reports a missing region', async () => {
      vi.stubEnv('AWS_REGION', undefined);
      const cloud = clouds.open('unused');
      for (const call of [() => cloud.output.head('x'), () => cloud.queues.open('x').depth()]) {
        expect(await errorOf(call())).toMatchObject({
          kind: 'config',
          message: expect.stringContaining('no AWS region is set'),
          hint: expect.stringContaining('AWS_REGION'),
        });
      }
    });

    it('reports missing credentials', async () => {
      vi.stubEnv('AWS_ACCESS_KEY_ID', undefined);
      vi.stubEnv('AWS_SECRET_ACCESS_KEY', undefined);
      const cloud = clouds.open('unused');
      for (const call of [() => cloud.output.head('x'), () => cloud.queues.open('x').depth()]) {
        expect(await errorOf(call())).toMatchObject({
          kind: 'config',
          message: expect.stringContaining('no usable AWS credentials'),
          hint: expect.stringContaining('aws configure'),
        });
      }
    });

    it('reports an endpoint that refuses connections', { timeout: 60_000 }, async () => {
      vi.stubEnv('AWS_ENDPOINT_URL', DEAD);
      expect(await errorOf(clouds.open('unused').output.head('x'))).toMatchObject({
        kind: 'transient',
        hint: expect.stringContaining('AWS_ENDPOINT_URL'),
      });
    });
  });

  it('returns the sha256 of an object from a signed upload, and accepts an ETag without quotes', async () => {
    const bucket = await makeBucket();
    const store = clouds.open(bucket).input;
    const bytes = Buffer.from('a cat');
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const { url, headers } = await createUploadUrls(bucket).sign({ sha256, bytes: bytes.byteLength });
    const put = () => fetch(url, { method: 'PUT', headers, body: bytes });
    expect((await put()).status).toBe(200);
    expect((await put()).status).toBe(412);
    const info = await store.head(imageKey(sha256));
    expect(info).toMatchObject({ sha256, bytes: bytes.byteLength });
    const ifMatch = info?.etag.replaceAll('"', '') ?? '';
    expect(await store.get(imageKey(sha256), { ifMatch })).toMatchObject({ body: new Uint8Array(bytes) });
    await expect(store.get(imageKey(sha256), { ifMatch: 'another' })).rejects.toThrow(
      PreconditionFailedError,
    );
    await store.put('stored/otherwise', bytes);
    expect(await store.head('stored/otherwise')).not.toHaveProperty('sha256');
  });

  it('leaves no connection open after close', async () => {
    const bucket = await makeBucket();
    const cloud = clouds.open(bucket);
    await Promise.all(Array.from({ length: 8 }, (_, n) => cloud.output.put(`${n}`, Buffer.from('x'))));
    await cloud.queues.remove('imgcls-never-there');
    expect(proxy.connections()).toBeGreaterThan(0);
    await cloud.close();
    await until('every connection is closed', async () => (proxy.connections() === 0 ? true : undefined));
  });
});

/** The AWS adapters over servers that are not AWS's: moto behind a proxy that answers as such a server does. */
import { randomUUID } from 'node:crypto';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { openCloud } from '../../src/app/open-cloud.ts';
import type { RunSettings } from '../../src/app/settings.ts';
import { createS3Client } from '../../src/aws/clients.ts';
import { createAwsCloud, openBucket } from '../../src/aws/cloud.ts';
import type { Cloud } from '../../src/core/cloud/ports.ts';
import { resolveSettings } from '../../src/core/settings/settings.ts';
import { checkInputBucket, checkOutputBucket } from '../../src/doctor/cluster.ts';
import { type Fault, type FaultProxy, serviceError, startFaultProxy } from './fault-proxy.ts';
import { standInEnvironment, startMoto } from './moto.ts';

const moto = await startMoto();

describe.skipIf(moto === undefined)('over a server that is not AWS', () => {
  let proxy: FaultProxy;
  let bucket: string;
  let cloud: Cloud;

  beforeAll(async () => {
    proxy = await startFaultProxy(moto?.url ?? '');
  });
  beforeEach(async () => {
    for (const [name, value] of Object.entries(standInEnvironment(proxy.url))) vi.stubEnv(name, value);
    bucket = `imgcls-foreign-${randomUUID()}`;
    const s3 = createS3Client();
    await s3.send(new CreateBucketCommand({ Bucket: bucket }));
    s3.destroy();
    cloud = createAwsCloud({ cluster: 'test', inputBucket: bucket, outputBucket: bucket });
  });
  afterEach(async () => {
    proxy.unused();
    await cloud.close();
    vi.unstubAllEnvs();
  });
  afterAll(async () => {
    await proxy.close();
    await moto?.close();
  });

  const settingsOf = (name: string): RunSettings => {
    const values = { cloud: 'aws', model: 'efficientnet-lite0', inputBucket: name, outputBucket: name };
    return resolveSettings([{ from: 'test', values }]).settings as RunSettings;
  };
  const always = (of: Fault['of'], answer: Fault['answer']): void =>
    proxy.inject({ of, times: Number.POSITIVE_INFINITY, answer });

  it('sends and receives messages although queues have URLs of another host', async () => {
    always(
      ({ action }) => action === 'CreateQueue' || action === 'GetQueueUrl',
      async (_request, forward) => {
        const reply = await forward();
        const { QueueUrl } = JSON.parse(String(reply.body)) as { QueueUrl: string };
        return {
          ...reply,
          body: JSON.stringify({ QueueUrl: QueueUrl.replace(proxy.url, 'http://sqs.invalid:4566') }),
        };
      },
    );
    const { name } = await cloud.queues.create(`imgcls-foreign-${randomUUID()}`);
    await cloud.queues.open(name).send([{ body: 'an image' }]);
    const [message] = await cloud.queues.open(name).receive({ max: 1, waitMs: 0, leaseMs: 1_000 });
    expect(message?.body).toBe('an image');
    await cloud.queues.remove(name);
  });

  it('reads a bucket whose requester pays only for those who agree to pay', async () => {
    await cloud.input.put('photo.jpg', Buffer.from('x'));
    always(
      ({ method, headers }) =>
        ['GET', 'HEAD'].includes(method) && headers['x-amz-request-payer'] !== 'requester',
      async (request) => serviceError(request, 403, 'AccessDenied'),
    );
    await expect(cloud.input.get('photo.jpg')).rejects.toThrow('photo.jpg');
    const paying = openBucket(bucket, { requestPayer: 'requester' });
    expect(Buffer.from((await paying.get('photo.jpg'))?.body ?? []).toString()).toBe('x');
    expect(await Array.fromAsync(paying.list('photo'))).toHaveLength(1);
  });

  it('finds objects and folders with + and % in their names although lists are not encoded', async () => {
    const keys = ['a%20b.jpg', 'a+b.jpg', 'half%', 'in+a/folder.jpg', 'plain.jpg'];
    for (const key of keys) await cloud.input.put(key, Buffer.from('x'));
    always(
      ({ path }) => path.includes('encoding-type=url'),
      async (_request, forward) => {
        const reply = await forward();
        const body = String(reply.body)
          .replace('<EncodingType>url</EncodingType>', '')
          .replace(/<(Key|Prefix)>([^<]*)</g, (_, name, key) => `<${name}>${decodeURIComponent(key)}<`);
        return { ...reply, body };
      },
    );
    const listed = await Array.fromAsync(cloud.input.list(''));
    expect(listed.map(({ key }) => key)).toEqual(keys);
    expect(await Array.fromAsync(cloud.input.listFolders(''))).toEqual(['in+a']);
  });

  describe('that ignores the conditions of writes', () => {
    beforeEach(() =>
      always(
        ({ method, headers }) => method === 'PUT' && ('if-match' in headers || 'if-none-match' in headers),
        ({ headers }, forward) => {
          delete headers['if-match'];
          delete headers['if-none-match'];
          return forward();
        },
      ),
    );
    afterEach(async () => {
      expect(await Array.fromAsync(cloud.output.list(''))).toEqual([]);
    });

    it('does not start, and leaves nothing behind', async () => {
      await expect(openCloud(settingsOf(bucket))).rejects.toMatchObject({
        kind: 'config',
        message: expect.stringMatching(`server of bucket ${bucket} ignores the conditions of writes`),
        hint: expect.stringContaining('docs/compatibility.md'),
      });
    });

    it.each([checkInputBucket, checkOutputBucket])('is refused by the doctor: %o', async (check) => {
      await expect(check(cloud.output)).rejects.toThrow('ignores the conditions of writes');
    });
  });

  it('starts over a server with conditional writes after one request, or where it may not write', async () => {
    const before = proxy.requests.length;
    await (await openCloud(settingsOf(bucket))).close();
    expect(proxy.requests.slice(before).map(({ method }) => method)).toEqual(['PUT']);
    always(
      ({ method }) => method === 'PUT',
      async (request) => serviceError(request, 403, 'AccessDenied'),
    );
    await (await openCloud(settingsOf(bucket))).close();
    expect(await Array.fromAsync(cloud.output.list(''))).toEqual([]);
  });

  it('names the field that the server leaves out, and does not try again', async () => {
    await cloud.input.put('cat.jpg', Buffer.from('x'));
    always(
      ({ path }) => path.includes('list-type=2'),
      async (_request, forward) => {
        const reply = await forward();
        return { ...reply, body: String(reply.body).replace(/<ETag>.*?<\/ETag>/, '') };
      },
    );
    await expect(Array.fromAsync(cloud.input.list(''))).rejects.toMatchObject({
      kind: 'permanent',
      message: `S3's response for an object in bucket ${bucket} lacks the ETag.`,
    });
    const { name } = await cloud.queues.create(`imgcls-foreign-${randomUUID()}`);
    await cloud.queues.open(name).send([{ body: 'an image' }]);
    always(
      ({ action }) => action === 'ReceiveMessage',
      async (_request, forward) => {
        const reply = await forward();
        return { ...reply, body: String(reply.body).replace('"ApproximateReceiveCount"', '"Other"') };
      },
    );
    await expect(
      cloud.queues.open(name).receive({ max: 1, waitMs: 0, leaseMs: 1_000 }),
    ).rejects.toMatchObject({
      kind: 'permanent',
      message: `SQS's response for queue ${name} lacks ApproximateReceiveCount.`,
    });
    await cloud.queues.remove(name);
  });

  it('says what to set when the server has no checksums, and does not try again', async () => {
    always(
      ({ method, headers }) => method === 'PUT' && 'x-amz-checksum-crc32' in headers,
      async (request) => serviceError(request, 501, 'NotImplemented'),
    );
    await expect(cloud.input.put('cat.jpg', Buffer.from('x'))).rejects.toMatchObject({
      kind: 'permanent',
      hint: expect.stringContaining('AWS_REQUEST_CHECKSUM_CALCULATION=WHEN_REQUIRED'),
    });
    vi.stubEnv('AWS_REQUEST_CHECKSUM_CALCULATION', 'WHEN_REQUIRED');
    const other = createAwsCloud({ cluster: 'test', inputBucket: bucket, outputBucket: bucket });
    await other.input.put('cat.jpg', Buffer.from('x'));
    await other.close();
  });
});

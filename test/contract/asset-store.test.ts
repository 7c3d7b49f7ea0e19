/** The bucket with the code of controllers, over moto. */
import { GetObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createAssetStore } from '../../src/aws/asset-store.ts';
import { createS3Client } from '../../src/aws/clients.ts';
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';
import { standInEnvironment, startMoto } from './moto.ts';

const moto = await startMoto();
const proxy: FaultProxy | undefined = moto && (await startFaultProxy(moto.url));
const OWNER = '123456789012';

describe.skipIf(proxy === undefined)('the bucket of assets', () => {
  let s3: S3Client;
  const asset = (over: object = {}) => ({
    bucket: 'assets',
    key: 'controller/1.zip',
    bytes: Buffer.from('code'),
    owner: OWNER,
    region: 'us-east-1',
    ...over,
  });

  beforeAll(() => {
    for (const [name, value] of Object.entries(standInEnvironment(proxy?.url ?? ''))) vi.stubEnv(name, value);
    s3 = createS3Client();
  });
  afterAll(async () => {
    s3?.destroy();
    await proxy?.close();
    await moto?.close();
    vi.unstubAllEnvs();
  });

  it('is created with its first object, in the region of the cluster', async () => {
    expect(await createAssetStore(s3).put(asset())).toBe('stored');
    const found = await s3.send(new GetObjectCommand({ Bucket: 'assets', Key: 'controller/1.zip' }));
    expect(await found.Body?.transformToString()).toBe('code');
    expect(await createAssetStore(s3).put(asset({ bucket: 'elsewhere', region: 'eu-central-1' }))).toBe(
      'stored',
    );
    const create = proxy?.requests.findLast(
      ({ method, path }) => method === 'PUT' && /^\/elsewhere\/?$/.test(path),
    );
    expect(create?.body.toString()).toContain('eu-central-1');
  });

  it('keeps an object that is there, if it has the same bytes', async () => {
    expect(await createAssetStore(s3).put(asset())).toBe('was there');
    await s3.send(
      new PutObjectCommand({
        Bucket: 'assets',
        Key: 'controller/1.zip',
        Body: 'evil',
        ChecksumAlgorithm: 'SHA256',
      }),
    );
    await expect(createAssetStore(s3).put(asset())).rejects.toThrow('is not what its name says');
  });

  it('names in every request the account that must own it, and is not used if another does', async () => {
    const own = proxy?.requests.filter(
      ({ path, headers }) => path.startsWith('/assets') && headers['x-amz-expected-bucket-owner'] === OWNER,
    );
    expect(own?.map(({ method }) => method)).toEqual([
      'HEAD',
      'PUT',
      'HEAD',
      'PUT',
      'HEAD',
      'HEAD',
      'PUT',
      'HEAD',
    ]);
    proxy?.inject({
      of: ({ method, path }) => method === 'HEAD' && path.startsWith('/assets'),
      answer: async () => ({ status: 403, body: '' }),
    });
    await expect(createAssetStore(s3).put(asset())).rejects.toThrow(/reach bucket assets/);
  });
});

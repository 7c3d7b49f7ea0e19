import { HeadObjectCommand } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createS3Client } from '../../../src/aws/clients.ts';
import { configuredEndpoints } from '../../../src/aws/endpoints.ts';

/** The URL to which the client would send a request for bucket `photos`, key `cat`. */
async function addressOf(region?: string): Promise<string> {
  const client = createS3Client(region === undefined ? {} : { region });
  let address = '';
  client.middlewareStack.add(
    () =>
      async ({ request }) => {
        const { protocol, hostname, port, path } = request as Record<string, string>;
        address = `${protocol}//${hostname}${port === undefined ? '' : `:${port}`}${path}`;
        throw new Error('not sent');
      },
    { step: 'deserialize', priority: 'low' },
  );
  await expect(client.send(new HeadObjectCommand({ Bucket: 'photos', Key: 'cat' }))).rejects.toThrow(
    'not sent',
  );
  client.destroy();
  return address;
}

describe('the S3 client', () => {
  beforeEach(() => {
    for (const name of ['AWS_ENDPOINT_URL', 'AWS_ENDPOINT_URL_S3', 'AWS_PROFILE', 'AWS_SESSION_TOKEN']) {
      vi.stubEnv(name, undefined);
    }
    vi.stubEnv('AWS_CONFIG_FILE', '/nonexistent/config');
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nonexistent/credentials');
    vi.stubEnv('AWS_REGION', 'eu-west-1');
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'testing');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'testing');
  });
  afterEach(() => void vi.unstubAllEnvs());

  it('uses the bucket’s host name of AWS, in the region of the environment', async () => {
    expect(await addressOf()).toBe('https://photos.s3.eu-west-1.amazonaws.com/cat');
  });

  it('names no server of its own where the settings name none', async () => {
    expect(await configuredEndpoints()).toEqual({});
    vi.stubEnv('AWS_ENDPOINT_URL_S3', 'http://storage.example:9000');
    expect(await configuredEndpoints()).toEqual({ s3: 'http://storage.example:9000' });
  });

  it('keeps the SDK from copying each request and response for a log', () => {
    const client = createS3Client();
    expect(client.config.logger?.info).toBeUndefined();
    expect(client.config.logger?.error).toBeUndefined();
    client.destroy();
  });

  it('uses the given region', async () => {
    expect(await addressOf('us-east-2')).toBe('https://photos.s3.us-east-2.amazonaws.com/cat');
  });

  it.each(['AWS_ENDPOINT_URL', 'AWS_ENDPOINT_URL_S3'])(
    'puts the bucket in the path with %s',
    async (name) => {
      vi.stubEnv(name, 'http://storage.example:9000');
      expect(await addressOf()).toBe('http://storage.example:9000/photos/cat');
    },
  );
});

import { createHash, createHmac } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createUploadUrls } from '../../../src/aws/upload-urls.ts';
import type { SignedUpload, UploadUrls } from '../../../src/core/cloud/ports.ts';
import { standInEnvironment } from '../../contract/moto.ts';

const BYTES = 12_345;
const sha256 = createHash('sha256').update('a cat').digest('hex');
const other = createHash('sha256').update('something else').digest();

const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();
const encoded = (text: string) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

/** Whether S3 would accept the signature: computes AWS Signature Version 4 of a query from the received request. */
function isSigned(url: string, headers: Readonly<Record<string, string>>, secret = 'testing'): boolean {
  const { host, pathname, searchParams } = new URL(url);
  const received: Record<string, string> = { ...headers, host };
  const parameter = (name: string) => searchParams.get(name) ?? '';
  const names = parameter('X-Amz-SignedHeaders');
  const query = [...searchParams]
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .sort();
  const canonical = [
    'PUT',
    pathname,
    query.join('&'),
    ...names.split(';').map((name) => `${name}:${received[name] ?? ''}`),
    '',
    names,
    'UNSIGNED-PAYLOAD',
  ].join('\n');
  const scope = parameter('X-Amz-Credential').split('/').slice(1);
  const digest = createHash('sha256').update(canonical).digest('hex');
  const text = ['AWS4-HMAC-SHA256', parameter('X-Amz-Date'), scope.join('/'), digest].join('\n');
  const key = scope.reduce<string | Buffer>((from, part) => hmac(from, part), `AWS4${secret}`);
  return hmac(key, text).toString('hex') === parameter('X-Amz-Signature');
}

describe('a signed upload', () => {
  let urls: UploadUrls;
  let request: SignedUpload;
  /** The headers that a browser sends. */
  let sent: Record<string, string>;
  beforeEach(async () => {
    const environment = {
      ...standInEnvironment(''),
      AWS_ENDPOINT_URL: undefined,
      AWS_REGION: 'eu-central-1',
    };
    for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
    urls = createUploadUrls('our-input', { clock: { nowMs: () => 1_000_000, sleep: async () => {} } });
    request = await urls.sign({ sha256, bytes: BYTES });
    sent = { ...request.headers, 'content-length': String(BYTES) };
  });
  afterEach(() => vi.unstubAllEnvs());

  it('has a valid signature for the object of the sha256, for ten minutes', () => {
    expect(isSigned(request.url, sent)).toBe(true);
    const { origin, pathname, searchParams } = new URL(request.url);
    expect(origin).toBe('https://our-input.s3.eu-central-1.amazonaws.com');
    expect(pathname).toBe(`/images/${sha256.slice(0, 2)}/${sha256}`);
    expect(searchParams.get('X-Amz-Expires')).toBe('600');
    expect(request.expiresAtMs).toBe(1_600_000);
  });

  it('is invalid with another checksum or without one', () => {
    expect(sent['x-amz-checksum-sha256']).toBe(Buffer.from(sha256, 'hex').toString('base64'));
    expect(isSigned(request.url, { ...sent, 'x-amz-checksum-sha256': other.toString('base64') })).toBe(false);
    const { 'x-amz-checksum-sha256': _none, ...bare } = sent;
    expect(isSigned(request.url, bare)).toBe(false);
  });

  it('is invalid with another length', () => {
    expect(isSigned(request.url, { ...sent, 'content-length': String(BYTES + 1) })).toBe(false);
  });

  it('is invalid without the header that keeps an existing object', () => {
    const { 'if-none-match': _none, ...bare } = sent;
    expect(isSigned(request.url, bare)).toBe(false);
  });

  it('is invalid for another object', () => {
    expect(isSigned(request.url.replace(sha256, other.toString('hex')), sent)).toBe(false);
  });

  it('signs all headers that matter', () => {
    const signed = new URL(request.url).searchParams.get('X-Amz-SignedHeaders')?.split(';');
    expect(signed).toEqual(['content-length', 'host', ...Object.keys(request.headers)].sort());
  });

  it('begins with the prefix that the page may connect to, also if buckets are in the path', async () => {
    expect(await urls.prefix()).toBe('https://our-input.s3.eu-central-1.amazonaws.com/images/');
    vi.stubEnv('AWS_ENDPOINT_URL_S3', 'http://127.0.0.1:9000/s3');
    expect(await createUploadUrls('our-input').prefix()).toBe('http://127.0.0.1:9000/s3/our-input/images/');
  });
});

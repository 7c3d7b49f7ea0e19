/** The photographs of a job, as the page shows them. */
import { mkdir, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ulid } from 'ulid';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openService } from './service.ts';

/** A PNG begins with these bytes. The service does not decode it. */
const png = (text: string) => Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.from(text)]);

let service: Awaited<ReturnType<typeof openService>>;
let folder: string;
let file: string;
const job = ulid();

beforeEach(async () => {
  service = await openService({});
  folder = path.join(service.folder, 'photos');
  await mkdir(folder);
  file = path.join(folder, 'a.png');
  await writeFile(file, png('mine'));
  await service.submit(job, [{ kind: 'file', name: 'a.png', source: 'a.png', path: file }]);
});
afterEach(() => service.close());

const get = async (id = job, index = 0) =>
  await service.app.inject({ url: `/v1/jobs/${id}/images/${index}`, headers: { host: 'localhost' } });

describe('the place of a photograph', () => {
  const placeOf = async (id: string, index: number) => {
    const url = `/v1/jobs/${id}/images/${index}/place`;
    const { statusCode, body } = await service.app.inject({ url, headers: { host: 'localhost' } });
    return [statusCode, JSON.parse(body)];
  };

  it('is its file, or the name that its sender gave', async () => {
    const uploaded = ulid();
    const upload = { kind: 'bytes', name: 'b.png', source: 'b.png', bytes: png('sent') } as const;
    await service.submit(uploaded, [upload]);
    expect(await placeOf(job, 0)).toEqual([200, { kind: 'file', at: file }]);
    expect(await placeOf(uploaded, 0)).toEqual([200, { kind: 'upload', at: 'b.png' }]);
    expect((await placeOf(job, 1))[0]).toBe(404);
    expect((await placeOf(ulid(), 0))[0]).toBe(404);
  });
});

describe('a photograph in a pack', () => {
  const packed = ulid();
  const content = ['one', 'two', 'three'].map((name) => png(name.repeat(100_000)));
  beforeEach(() =>
    service.submit(
      packed,
      content.map((bytes, at) => ({ kind: 'bytes', name: `${at}.png`, source: `${at}.png`, bytes })),
    ),
  );

  it('is shown without the others', async () => {
    for (const [index, bytes] of content.entries()) {
      const { statusCode, headers, rawPayload } = await get(packed, index);
      expect([statusCode, headers['content-length']]).toEqual([200, String(bytes.byteLength)]);
      expect(rawPayload.equals(bytes)).toBe(true);
    }
  });

  it('is gone once its pack has expired, and the page is told why', async () => {
    const { input } = service.cloud;
    const keys = (await Array.fromAsync(input.list('images/'))).map(({ key }) => key);
    expect(keys).toHaveLength(1);
    await input.delete(keys);
    const { statusCode, body } = await get(packed, 1);
    expect(statusCode).toBe(404);
    expect(body).toContain('its stored copy has expired');
  });
});

describe('a photograph that is read where it is', () => {
  it('is shown, in a sandbox', async () => {
    const { statusCode, headers, rawPayload } = await get();
    expect(statusCode).toBe(200);
    expect(rawPayload).toEqual(png('mine'));
    expect(headers).toMatchObject({
      'content-type': 'image/png',
      'content-security-policy': "default-src 'none'; sandbox",
    });
  });

  it('is shown also after its times were set', async () => {
    await utimes(file, 0, 0);
    expect((await get()).rawPayload).toEqual(png('mine'));
  });

  it('is not shown when its file is gone', async () => {
    await rm(file);
    expect((await get()).statusCode).toBe(404);
  });

  it('is not shown when another file took its place, however alike it looks from outside', async () => {
    const { atime, mtime } = await stat(file);
    const secret = path.join(service.folder, 'secret.png');
    await writeFile(secret, png('your'));
    await utimes(secret, atime, mtime);
    await rm(file);
    await symlink(secret, file);
    const { statusCode, body } = await get();
    expect(statusCode).toBe(404);
    expect(body).toContain('has changed since it was submitted');
  });
});

describe('a path of this machine that a caller of the service names', () => {
  it.each([
    ['/etc/passwd', 400],
    ['file:///etc/passwd', 400],
    ['-', 400],
    ['s3:///etc/passwd', 400],
    ['s3://file:///etc/passwd', 403],
    ['s3://../../etc/passwd', 403],
  ])('is refused: %s', async (input, status) => {
    const { statusCode } = await service.app.inject({
      method: 'POST',
      url: '/v1/jobs/named',
      headers: { host: 'localhost' },
      body: { inputs: [input] },
    });
    expect(statusCode).toBe(status);
  });
});

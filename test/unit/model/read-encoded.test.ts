import { hash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ImageFile } from '../../../src/core/runner-protocol.ts';
import { RequestReader, readEncoded } from '../../../src/model/read-encoded.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'imgcls-read-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function stored(content: Buffer, held = content): Promise<ImageFile> {
  const file = path.join(folder, randomBytes(8).toString('hex'));
  await writeFile(file, held);
  return { path: file, bytes: content.byteLength, sha256: hash('sha256', content) };
}

describe('the images that a worker names', () => {
  it('are what was submitted, or missing', async () => {
    const content = randomBytes(100_000);
    const missing = { error: { code: 'missing' } };
    expect(readEncoded(await stored(content))).toEqual(content);
    expect(readEncoded(content)).toBe(content);
    expect(readEncoded(await stored(content, randomBytes(100_000)))).toMatchObject(missing);
    expect(readEncoded(await stored(content, content.subarray(1)))).toMatchObject(missing);
    expect(readEncoded(await stored(content, Buffer.alloc(0)))).toMatchObject(missing);
    expect(readEncoded({ ...(await stored(content)), path: path.join(folder, 'nowhere') })).toMatchObject(
      missing,
    );
  });

  it('stay what they are while their request is under way, however many others are read', async () => {
    const reader = new RequestReader();
    const contents = Array.from({ length: 12 }, (_, index) => randomBytes(1000 * (index + 1)));
    const files = await Promise.all(contents.map((content) => stored(content)));
    const first = reader.read(files);
    const second = reader.read(files.toReversed());
    first.release();
    const third = reader.read(files.slice(3));
    expect(second.encoded).toEqual(contents.toReversed());
    expect(third.encoded).toEqual(contents.slice(3));
  });

  it('are read to the same memory again once a request has ended', async () => {
    const reader = new RequestReader();
    const memoryOf = ({ encoded: [first] }: ReturnType<RequestReader['read']>) =>
      first instanceof Uint8Array ? first.buffer : undefined;
    const file = await stored(randomBytes(1000));
    const first = reader.read([file]);
    const second = reader.read([file]);
    expect(memoryOf(second)).not.toBe(memoryOf(first));
    first.release();
    expect(memoryOf(reader.read([file]))).toBe(memoryOf(first));
  });

  it('that are large keep no memory', async () => {
    const reader = new RequestReader();
    const files = await Promise.all([3_000_000, 3_000_000].map((bytes) => stored(randomBytes(bytes))));
    const { encoded, release } = reader.read(files);
    release();
    const [before, again] = [encoded, reader.read(files).encoded].map(([first]) => first as Buffer);
    expect(before?.equals(again ?? Buffer.alloc(0))).toBe(true);
    expect(again?.buffer).not.toBe(before?.buffer);
  });
});

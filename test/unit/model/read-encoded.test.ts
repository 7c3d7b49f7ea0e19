import { hash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ImageFile } from '../../../src/core/model/runner-protocol.ts';
import { readEncoded } from '../../../src/model/read-encoded.ts';

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

describe('images that a worker passes as files', () => {
  it('have the submitted content, or are missing', async () => {
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
});

import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/app/system-clock.ts';
import type { Cloud, Store } from '../../src/core/cloud/ports.ts';
import { imageKey } from '../../src/core/job/keys.ts';
import { createLocalCloud } from '../../src/local/cloud.ts';
import { storeImage } from '../../src/upload/store-image.ts';

let folder: string;
let cloud: Cloud;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'imgcls-store-'));
  cloud = createLocalCloud({ dataDir: path.join(folder, 'data'), cluster: 'test' });
  file = path.join(folder, 'a.jpg');
});
afterEach(async () => {
  await cloud.close();
  await rm(folder, { recursive: true });
});

const store = async (input: Store, from = file) => {
  const image = { kind: 'file', name: 'a.jpg', source: from, path: from } as const;
  const options = { input, maxImageBytes: 32 * 1024 * 1024, clock: systemClock };
  return (await storeImage({ index: 0, input: image }, options)).entry;
};

/** A store during whose look-up somebody writes to the file. */
const whileStoring = (change: () => Promise<void>): Store => ({
  ...cloud.input,
  bucket: cloud.input.bucket,
  async head(...args) {
    await change();
    return await cloud.input.head(...args);
  },
  put: (...args) => cloud.input.put(...args),
});

describe('a file that is stored', () => {
  it.each([
    ['small', 1000],
    ['large', 9 * 1024 * 1024],
  ])('and %s goes by the sha256 of the very bytes that the store has', async (_, size) => {
    const bytes = randomBytes(size);
    await writeFile(file, bytes);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    expect(await store(cloud.input)).toMatchObject({ sha256, key: imageKey(sha256), bytes: size });
    const { body } = await cloud.input.get(imageKey(sha256));
    expect(createHash('sha256').update(body).digest('hex')).toBe(sha256);
  });

  it.each([
    ['grows', () => appendFile(file, 'more')],
    ['is written over by as many bytes', () => writeFile(file, randomBytes(40_000))],
  ])('and %s meanwhile is told from one that did not change', async (_, change) => {
    await writeFile(file, randomBytes(40_000));
    expect(await store(whileStoring(change))).toMatchObject({ error: { code: 'changed' } });
  });

  it('and is large and changes between its two readings is not stored under a wrong name', async () => {
    await writeFile(file, randomBytes(9 * 1024 * 1024));
    const changing = whileStoring(() => writeFile(file, randomBytes(9 * 1024 * 1024)));
    expect(await store(changing)).toMatchObject({ error: { code: 'changed' } });
    expect(await Array.fromAsync(cloud.input.list('images/'))).toEqual([]);
  });

  it.each([
    ['a pipe without a writer', () => execFileSync('mkfifo', [file])],
    ['a folder', () => execFileSync('mkdir', [file])],
  ])('and is %s is refused without waiting for it', async (_, make) => {
    make();
    expect(await store(cloud.input)).toMatchObject({ error: { code: 'unreadable' } });
  });

  it('and is a device without end is refused', async () => {
    expect(await store(cloud.input, '/dev/zero')).toMatchObject({ error: { code: 'unreadable' } });
  });
});

import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/app/system-clock.ts';
import type { Cloud, Store } from '../../src/core/cloud/ports.ts';
import { PACKED_BELOW_BYTES } from '../../src/core/job/batches.ts';
import { imageKey } from '../../src/core/job/keys.ts';
import { createLocalCloud } from '../../src/local/cloud.ts';
import { oldImages } from '../../src/results/expire.ts';
import { FileReader } from '../../src/upload/file-reader.ts';
import { storeImage } from '../../src/upload/store-image.ts';
import { noFetcher } from '../unit/upload/no-fetcher.ts';
import { virtualClock } from '../unit/virtual-clock.ts';

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

const store = async (input: Store, from = file, clock = systemClock) => {
  const image = { kind: 'file', name: 'a.jpg', source: from, path: from } as const;
  const reader = new FileReader(systemClock);
  const { local: packBelowBytes } = PACKED_BELOW_BYTES;
  const options = {
    input,
    maxImageBytes: 32 * 1024 * 1024,
    reader,
    fetcher: noFetcher,
    clock,
    random: Math.random,
    packBelowBytes,
  };
  return await storeImage({ index: 0, input: image }, options);
};

/** A store during whose put somebody writes to the file. */
const whileStoring = (change: () => Promise<void>): Store => ({
  ...cloud.input,
  bucket: cloud.input.bucket,
  async put(...args) {
    await change();
    return await cloud.input.put(...args);
  },
});

describe('a file that is stored', () => {
  it.each([
    ['small', 1000],
    ['large', 9 * 1024 * 1024],
  ])('that is %s is stored under the sha256 of its bytes', async (_, size) => {
    const bytes = randomBytes(size);
    await writeFile(file, bytes);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const { entry } = await store(cloud.input);
    expect(entry).toMatchObject({ sha256, key: imageKey(sha256), bytes: size });
    const { body } = await cloud.input.get(imageKey(sha256));
    expect(createHash('sha256').update(body).digest('hex')).toBe(sha256);
  });

  it.each([
    ['grows', () => appendFile(file, 'more')],
    ['is written over by as many bytes', () => writeFile(file, randomBytes(40_000))],
  ])('that %s meanwhile gets the error changed', async (_, change) => {
    await writeFile(file, randomBytes(40_000));
    expect(await store(whileStoring(change))).toMatchObject({ entry: { error: { code: 'changed' } } });
  });

  it('that is large and changes between its two reads is not stored under a wrong sha256', async () => {
    await writeFile(file, randomBytes(9 * 1024 * 1024));
    const changing = whileStoring(() => writeFile(file, randomBytes(9 * 1024 * 1024)));
    expect(await store(changing)).toMatchObject({ entry: { error: { code: 'changed' } } });
    expect(await Array.fromAsync(cloud.input.list('images/'))).toEqual([]);
  });

  it.each([
    ['a pipe without a writer', () => execFileSync('mkfifo', [file])],
    ['a folder', () => execFileSync('mkdir', [file])],
  ])('that is %s is refused without blocking', async (_, make) => {
    make();
    expect(await store(cloud.input)).toMatchObject({ entry: { error: { code: 'unreadable' } } });
  });

  it('that cannot be opened has the reason in words', async () => {
    expect(await store(cloud.input, path.join(folder, 'x'.repeat(300)))).toMatchObject({
      entry: { error: { code: 'unreadable', message: 'Cannot read the file: the name is too long.' } },
    });
  });

  it('that is an endless device is refused', async () => {
    expect(await store(cloud.input, '/dev/zero')).toMatchObject({ entry: { error: { code: 'unreadable' } } });
  });
});

describe('a photo that an earlier job has uploaded', () => {
  const DAY_MS = 24 * 3_600_000;
  const clock = virtualClock(Date.UTC(2026, 0, 1));
  let aged: Cloud;
  beforeEach(async () => {
    aged = createLocalCloud({ dataDir: path.join(folder, 'aged'), cluster: 'test', clock });
    await writeFile(file, randomBytes(40_000));
  });
  afterEach(() => aged.close());

  const expired = () => Array.fromAsync(oldImages(aged, { nowMs: clock.nowMs() }));

  it('is kept for 30 more days when a job uses it again after 16 days, without being sent again', async () => {
    await store(aged.input, file, clock);
    clock.advance(16 * DAY_MS);
    expect(await store(aged.input, file, clock)).toMatchObject({ sentBytes: 0 });
    clock.advance(29 * DAY_MS);
    expect(await expired()).toEqual([]);
    clock.advance(2 * DAY_MS);
    expect(await expired()).toHaveLength(1);
  });

  it('is sent again when its file in the store was deleted', async () => {
    const { entry } = await store(aged.input, file, clock);
    const key = 'key' in entry ? entry.key : '';
    await rm((await aged.input.fileOf?.(key))?.path ?? '');
    expect(await store(aged.input, file, clock)).toMatchObject({ sentBytes: 40_000 });
    expect((await aged.input.get(key)).body.byteLength).toBe(40_000);
  });

  it('is not copied when a job uses it again within 15 days: it outlives that job', async () => {
    const { entry } = await store(aged.input, file, clock);
    const uploadedAtMs = clock.nowMs();
    clock.advance(14 * DAY_MS);
    expect(await store(aged.input, file, clock)).toMatchObject({ sentBytes: 0 });
    const key = 'key' in entry ? entry.key : '';
    expect((await aged.input.head(key))?.modifiedAtMs).toBe(uploadedAtMs);
  });
});

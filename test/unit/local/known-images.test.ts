import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Cloud } from '../../../src/core/cloud/ports.ts';
import { createLocalCloud } from '../../../src/local/cloud.ts';

const BY = { classifier: 'resnet50, version 1', topK: 5 };
const IMAGE = 'ab'.repeat(32);

let folder: string;
let cloud: Cloud;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'imgcls-known-'));
  cloud = createLocalCloud({ dataDir: folder, cluster: 'test' });
});
afterEach(async () => {
  await cloud.close();
  await rm(folder, { recursive: true });
});

const put = (key: string, by = BY) =>
  cloud.output.put(key, Buffer.from(key), { predictions: { by, images: [{ sha256: IMAGE, line: 3 }] } });
const find = async (by = BY) => (await cloud.known?.find([IMAGE], by))?.[0];

describe('the images that the ledger knows', () => {
  it('are found in the newest object, then in the one before it, then not at all', async () => {
    const [older, newer] = [await put('older'), await put('newer')];
    expect(await find()).toEqual({ key: 'newer', etag: newer.etag, line: 3 });
    await cloud.output.delete(['newer']);
    expect(await find()).toEqual({ key: 'older', etag: older.etag, line: 3 });
    await cloud.output.delete(['older']);
    expect(await find()).toBeUndefined();
  });

  it('are found and forgotten also where many objects came after them, and they were indexed', async () => {
    const { etag } = await put('first');
    const digestOf = (at: number) => at.toString(16).padStart(64, '0');
    for (let at = 0; at < 100; at++) {
      const images = [0, 1].map((line) => ({ sha256: digestOf(2 * at + line), line }));
      await cloud.output.put(`other-${at}`, Buffer.from('shard'), { predictions: { by: BY, images } });
    }
    expect(await find()).toEqual({ key: 'first', etag, line: 3 });
    const all = Array.from({ length: 200 }, (_, at) => digestOf(at));
    const places = (await cloud.known?.find(all, BY)) ?? [];
    expect(places.map((place) => place && [place.key, place.line])).toEqual(
      all.map((_, at) => [`other-${Math.floor(at / 2)}`, at % 2]),
    );
    await cloud.output.delete(['first', 'other-0', 'other-99']);
    expect(await find()).toBeUndefined();
    expect((await cloud.known?.find([digestOf(0), digestOf(2), digestOf(199)], BY))?.map(Boolean)).toEqual([
      false,
      true,
      false,
    ]);
  });

  it('are those of the version of an object: another program that replaces it makes them unknown', async () => {
    await put('shard');
    await cloud.output.put('shard', Buffer.from('edited'));
    expect(await find()).toBeUndefined();
    const { etag } = await put('shard');
    expect(await find()).toMatchObject({ etag });
  });

  it('are not those of a put that failed', async () => {
    await cloud.output.put('shard', Buffer.from('first'));
    const images = [{ sha256: IMAGE, line: 0 }];
    const late = cloud.output.put('shard', Buffer.from('late'), {
      only: 'absent',
      predictions: { by: BY, images },
    });
    await expect(late).rejects.toThrow();
    expect(await find()).toBeUndefined();
  });

  it('need the same classifier and enough labels', async () => {
    await put('shard');
    expect(await find({ ...BY, classifier: 'another' })).toBeUndefined();
    expect(await find({ ...BY, topK: 6 })).toBeUndefined();
    expect(await find({ ...BY, topK: 1 })).toMatchObject({ key: 'shard' });
    expect(await cloud.known?.hasAny({ ...BY, topK: 6 })).toBe(false);
    expect(await cloud.known?.hasAny(BY)).toBe(true);
  });
});

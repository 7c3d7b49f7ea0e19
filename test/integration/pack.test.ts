import { hash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/app/system-clock.ts';
import type { Cloud } from '../../src/core/cloud/ports.ts';
import { Budget } from '../../src/core/runtime/budget.ts';
import { createLocalCloud } from '../../src/local/cloud.ts';
import { inGroups } from '../../src/upload/batch-with-deadline.ts';
import { FileReader } from '../../src/upload/file-reader.ts';
import type { Input } from '../../src/upload/inputs.ts';
import { storeGroup } from '../../src/upload/store-group.ts';
import { type Download, downloadsOf } from '../../src/worker/messages/download.ts';

let folder: string;
let cloud: Cloud;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'imgcls-pack-'));
  cloud = createLocalCloud({ dataDir: folder, cluster: 'test' });
});
afterEach(async () => {
  await cloud.close();
  await rm(folder, { recursive: true });
});

const image = (bytes: Uint8Array): Input => ({ kind: 'bytes', name: 'a.jpg', source: 'a.jpg', bytes });
const unreadable: Input = {
  kind: 'unreadable',
  name: 'b.jpg',
  source: 'b.jpg',
  error: { code: 'unreadable', message: 'no' },
};
const signal = new AbortController().signal;

async function store(inputs: Input[]) {
  const images = inputs.map((input, index) => ({ index, input }));
  return await storeGroup(images, {
    input: cloud.input,
    maxImageBytes: 1e6,
    reader: new FileReader(systemClock),
    clock: systemClock,
    random: Math.random,
    slots: new Budget(3),
    signal,
  });
}

async function objects(): Promise<{ key: string; bytes: number }[]> {
  const found = [];
  for await (const { key, bytes } of cloud.input.list('')) found.push({ key, bytes });
  return found;
}

/** As a worker reads them; `read` counts objects. */
function reader(entries: Awaited<ReturnType<typeof store>>) {
  const sources = entries.flatMap(({ entry }) => ('error' in entry ? [] : [entry]));
  const reads: string[] = [];
  let released = 0;
  const download = downloadsOf(sources, async ({ key }): Promise<Download> => {
    reads.push(key);
    return { bytes: (await cloud.input.get(key)).body, release: () => released++ };
  });
  return { sources, reads, download, released: () => released };
}

describe('small images', () => {
  it('of a batch are packed into one object, and each keeps its index and its sha256', async () => {
    const contents = [100, 40_000, 2000, 3, 32_767].map((bytes) => randomBytes(bytes));
    const [first, ...others] = contents.map(image);
    const entries = await store([first as Input, unreadable, ...others]);
    expect(entries.map(({ entry }) => entry.index)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(entries.map(({ sentBytes }) => sentBytes)).toEqual([100, 0, 40_000, 2000, 3, 32_767]);
    expect((await objects()).map(({ bytes }) => bytes).sort()).toEqual([34_870, 40_000]);

    const { sources, reads, download, released } = reader(entries);
    const found = await Promise.all(sources.map((source) => download(source, signal)));
    expect(found.map((one) => 'bytes' in one && hash('sha256', one.bytes))).toEqual(
      contents.map((bytes) => hash('sha256', bytes)),
    );
    expect(reads).toHaveLength(2);
    for (const [at, one] of found.entries()) {
      // The larger one is the second, and has memory of its own.
      expect(released()).toBe(at <= 1 ? 0 : 1);
      if ('release' in one) one.release();
    }
    expect(released()).toBe(2);
  });

  it('are not sent again when the same images are submitted in the same order', async () => {
    const inputs = [10, 20, 30].map((bytes) => image(randomBytes(bytes)));
    await store(inputs);
    expect((await store(inputs)).map(({ sentBytes }) => sentBytes)).toEqual([0, 0, 0]);
    expect(await objects()).toHaveLength(1);
  });

  it('are not packed alone, nor when empty', async () => {
    const entries = await store([
      image(randomBytes(50)),
      image(new Uint8Array()),
      image(randomBytes(40_000)),
    ]);
    expect(entries.map(({ entry }) => 'offset' in entry)).toEqual([false, false, false]);
    expect(await objects()).toHaveLength(3);
  });

  it('that differ from what was submitted do not affect the others of their pack', async () => {
    const entries = await store([10, 20, 30].map((bytes) => image(randomBytes(bytes))));
    const [key = ''] = (await objects()).map((one) => one.key);
    const body = Buffer.from((await cloud.input.get(key)).body);
    body[15] = (body[15] as number) ^ 1;
    await cloud.input.put(key, body.subarray(0, 59));
    const { sources, download } = reader(entries);
    const found = await Promise.all(sources.map((source) => download(source, signal)));
    expect(found.map((one) => ('error' in one ? one.error.code : 'read'))).toEqual([
      'read',
      'changed',
      'changed',
    ]);
  });

  it('wait only briefly for others to be packed with', async () => {
    const source = Promise.withResolvers<void>();
    async function* slow() {
      yield 1;
      yield 2;
      await source.promise;
      yield 3;
    }
    const clock = { sleep: async () => {} };
    const groups = inGroups(slow(), { endOf: (place) => 16 * (Math.floor(place / 16) + 1), ms: 100, clock });
    const given: number[] = [...((await groups.next()).value ?? [])];
    if (given.length < 2) given.push(...((await groups.next()).value ?? []));
    expect(given).toEqual([1, 2]);
    source.resolve();
    expect((await groups.next()).value).toEqual([3]);
  });
});

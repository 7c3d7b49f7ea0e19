import { hash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { ulid } from 'ulid';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/app/system-clock.ts';
import type { Cloud, Store } from '../../src/core/cloud/ports.ts';
import { MAX_PACK_BYTES, PACKED_BELOW_BYTES } from '../../src/core/job/batches.ts';
import { type ImageSource, jobRecord } from '../../src/core/job/job.ts';
import { createJob } from '../../src/core/job/job-record.ts';
import { requestQueueName } from '../../src/core/job/keys.ts';
import { parseRequest } from '../../src/core/job/messages.ts';
import { PreconditionFailedError } from '../../src/core/runtime/errors.ts';
import { createLocalCloud } from '../../src/local/cloud.ts';
import { inGroups } from '../../src/upload/batch-with-deadline.ts';
import { FileReader } from '../../src/upload/file-reader.ts';
import type { Input } from '../../src/upload/inputs.ts';
import { ReuseGuess } from '../../src/upload/put-content.ts';
import { type JobImage, type StoreGroupOptions, storeGroup } from '../../src/upload/store-group.ts';
import { NOTHING_ANNOUNCED, uploadJobImages } from '../../src/upload/submit.ts';
import { type Download, downloadsOf } from '../../src/worker/messages/download.ts';
import { noFetcher } from '../unit/upload/no-fetcher.ts';
import { MODEL } from './worker-harness.ts';

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
const MEBIBYTE = 1024 * 1024;
const signal = new AbortController().signal;

async function store(inputs: Input[], options: Partial<StoreGroupOptions> = {}) {
  const images = inputs.map((input, index) => ({ index, input }));
  return await storeGroup(images, {
    input: cloud.input,
    maxImageBytes: 16 * MEBIBYTE,
    reader: new FileReader(systemClock),
    fetcher: noFetcher,
    clock: systemClock,
    random: Math.random,
    atOnce: 3,
    packBelowBytes: PACKED_BELOW_BYTES.local,
    ...options,
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
  const download = downloadsOf(sources, async ({ key, offset = 0, length }): Promise<Download> => {
    reads.push(key);
    const range = length === undefined ? {} : { range: { offset, length } };
    const { body } = await cloud.input.getStream(key, range);
    return { bytes: await buffer(body), release: () => released++ };
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
    const isNever = () => false;
    const groups = inGroups(slow(), { startsGroup: isNever, endsGroup: isNever, ms: 100, clock });
    const given: number[] = [...((await groups.next()).value ?? [])];
    if (given.length < 2) given.push(...((await groups.next()).value ?? []));
    expect(given).toEqual([1, 2]);
    source.resolve();
    expect((await groups.next()).value).toEqual([3]);
  });
});

describe('photographs on S3', () => {
  const onS3 = { packBelowBytes: PACKED_BELOW_BYTES.aws };

  it('of a batch travel in packs of up to 8 MB, whatever their size, and a larger one alone', async () => {
    const sizes = [100_000, 3 * MEBIBYTE, 9 * MEBIBYTE, 4 * MEBIBYTE, 2 * MEBIBYTE, 100_000];
    const contents = sizes.map((bytes) => randomBytes(bytes));
    const entries = await store(contents.map(image), onS3);
    const stored = (await objects()).map(({ bytes }) => bytes).sort((a, b) => a - b);
    expect(stored).toEqual([2 * MEBIBYTE + 100_000, 7 * MEBIBYTE + 100_000, 9 * MEBIBYTE]);
    expect(Math.max(stored[0] ?? 0, stored[1] ?? 0)).toBeLessThanOrEqual(MAX_PACK_BYTES);

    const { sources, reads, download } = reader(entries);
    const found = await Promise.all(sources.map((source) => download(source, signal)));
    expect(found.map((one) => 'bytes' in one && hash('sha256', one.bytes))).toEqual(
      contents.map((bytes) => hash('sha256', bytes)),
    );
    expect(reads, 'each object is read once').toHaveLength(3);
  });

  it('are marked if an older worker would take their pack for an image that is too large', async () => {
    const formats = async (bytes: number) =>
      (await store([image(randomBytes(bytes)), image(randomBytes(bytes))], onS3)).map(({ entry }) =>
        'v' in entry ? entry.v : undefined,
      );
    expect(await formats(250_000)).toEqual([undefined, undefined]);
    expect(await formats(300_000)).toEqual([2, 2]);
  });

  it('of a batch that is sent again in part are read alone, not with the rest of their pack', async () => {
    const entries = await store(
      [image(randomBytes(2000)), image(randomBytes(500_000)), image(randomBytes(3000))],
      onS3,
    );
    const last = entries.slice(-1);
    const ranges: unknown[] = [];
    const download = downloadsOf(
      last.map(({ entry }) => entry as ImageSource),
      async ({ offset, length }) => {
        ranges.push({ offset, length });
        return { error: { code: 'missing', message: 'not read' } };
      },
    );
    await download(last[0]?.entry as ImageSource, signal);
    expect(ranges).toEqual([{ offset: 502_000, length: 3000 }]);
  });
});

describe('a folder', () => {
  /** The input bucket, and the requests to it. */
  function counted() {
    const requests: string[] = [];
    const input: Store = Object.create(cloud.input, {
      head: {
        value(key: string) {
          requests.push('HEAD');
          return cloud.input.head(key);
        },
      },
      put: {
        value(...args: Parameters<Store['put']>) {
          requests.push('PUT');
          return cloud.input.put(...args);
        },
      },
      keepFor: { value: undefined },
    });
    return { input, requests };
  }
  const photos = Array.from({ length: 5 }, () => image(randomBytes(50_000)));

  it('is put without a request to look its photographs up', async () => {
    const { input, requests } = counted();
    await store(photos, { input, reuse: new ReuseGuess() });
    expect(requests).toEqual(Array(5).fill('PUT'));
  });

  it('that is uploaded again is looked up from its second object on, and no byte of those is sent', async () => {
    await store(photos);
    const { input, requests } = counted();
    const again = await store(photos, { input, reuse: new ReuseGuess(), atOnce: 1 });
    expect(again.map(({ sentBytes }) => sentBytes)).toEqual([0, 0, 0, 0, 0]);
    expect(requests).toEqual(['PUT', 'HEAD', 'HEAD', 'HEAD', 'HEAD', 'HEAD']);
  });

  it('is put again where the bucket holds other bytes under its key', async () => {
    const [first] = await store(photos);
    const key = first !== undefined && 'key' in first.entry ? first.entry.key : '';
    await cloud.input.put(key, randomBytes(10));
    expect((await store(photos))[0]).toMatchObject({ sentBytes: 50_000 });
    expect((await cloud.input.head(key))?.bytes).toBe(50_000);
  });

  it('that is uploaded again is kept for its new job, if half of the time that its bucket keeps it has passed', async () => {
    const [first] = await store(photos.slice(0, 1));
    const key = first !== undefined && 'key' in first.entry ? first.entry.key : '';
    const info = await cloud.input.head(key);
    if (info === undefined) throw new Error('not stored');
    const HOUR_MS = 3_600_000;
    const refreshed = async (ageMs: number) => {
      let count = 0;
      // A bucket that keeps its objects for a day.
      const modifiedAtMs = systemClock.nowMs() - ageMs;
      const input: Store = Object.create(cloud.input, {
        head: { value: async () => ({ ...info, modifiedAtMs, expiresAtMs: modifiedAtMs + 24 * HOUR_MS }) },
        put: { value: async () => Promise.reject(new PreconditionFailedError('test', key)) },
        keepFor: { value: async () => true },
        refresh: { value: async () => count++ },
      });
      await store(photos.slice(0, 1), { input });
      return count;
    };
    expect(await refreshed(11 * HOUR_MS)).toBe(0);
    expect(await refreshed(13 * HOUR_MS)).toBe(1);
  });
});

describe('a retry', () => {
  it('packs the failed images that follow one another, and gives each its own index', async () => {
    const job = jobRecord.parse({
      v: 1,
      id: ulid(),
      state: 'open',
      createdAtMs: 0,
      inputs: [],
      include: [],
      exclude: [],
      topK: 1,
      model: MODEL,
    });
    await createJob(cloud.output, job);
    const queue = await cloud.queues.create(requestQueueName('test'));
    const failed = [0, 1, 2, 5, 15, 16, 17];
    async function* images(): AsyncGenerator<JobImage> {
      for (const index of failed) yield { index, input: image(randomBytes(50_000)) };
    }
    await uploadJobImages(images(), {
      cloud,
      job,
      before: NOTHING_ANNOUNCED,
      concurrency: 16,
      maxImageBytes: MEBIBYTE,
      packBelowBytes: PACKED_BELOW_BYTES.aws,
      clock: systemClock,
      random: Math.random,
    });
    const sent = (await queue.receive({ max: 10, waitMs: 0, leaseMs: 1000 }))
      .map(({ body }) => parseRequest(body).images.map(({ index }) => index))
      .sort(([a = 0], [b = 0]) => a - b);
    expect(sent).toEqual([[0, 1, 2], [5], [15], [16, 17]]);
    expect((await objects()).map(({ bytes }) => bytes).sort((a, b) => a - b)).toEqual([
      50_000, 50_000, 100_000, 150_000,
    ]);
  });
});

/** Thumbnails and previews, as the page shows them. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';
import { ulid } from 'ulid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PictureProcesses, pictureEntry } from '../../../src/app/picture-processes.ts';
import { systemClock } from '../../../src/app/system-clock.ts';
import type { PictureMaker } from '../../../src/core/model/picture.ts';
import { HttpProblem } from '../../../src/web/problem.ts';
import { bmp, greyTiffTags, tiff } from '../../e2e/attack-images.ts';
import { heicFile } from '../../heic-files/heif-writer.ts';
import { SAMPLES_DIR } from '../model/support.ts';
import { LIMITS, openService } from './service.ts';

const coffee = await readFile(path.join(SAMPLES_DIR, 'coffee.jpg'));
/** 600 x 400, with a thumbnail's worth of detail. */
const photo = sharp(coffee);
const images: Record<string, Buffer> = {
  'a.jpg': coffee,
  'turned.jpg': await photo.clone().withMetadata({ orientation: 6 }).jpeg().toBuffer(),
  'iphone.HEIC': heicFile('photo.heic'),
  'scan.tif': await photo.clone().tiff({ compression: 'lzw' }).toBuffer(),
  'new.avif': await photo.clone().resize(200).avif({ effort: 0 }).toBuffer(),
  'old.bmp': bmp({ width: 40, height: 20, body: Buffer.alloc(40 * 20 * 3) }),
  'large.png': await photo.clone().resize(3000, 2000, { kernel: 'nearest' }).png().toBuffer(),
  // Camera raw of a camera that lay on its side.
  'camera.dng': tiff([...greyTiffTags(100, 100), [274, 'short', [6]], [50_706, 'long', [0x0401]]], {
    data: coffee,
  }),
  'notes.txt': Buffer.from('These are my notes on photographs.'),
  'cut.webp': (await photo.clone().webp().toBuffer()).subarray(0, 2000),
};
const names = Object.keys(images);

const processes = new PictureProcesses({
  entry: pictureEntry(),
  under: [],
  maxPixels: 150_000_000,
  clock: systemClock,
});
let made = 0;
const counted: PictureMaker = {
  make(order, signal) {
    made++;
    return processes.make(order, signal);
  },
  close: () => processes.close(),
};
const job = ulid();
let service: Awaited<ReturnType<typeof openService>>;
beforeAll(async () => {
  const limits = { ...LIMITS, imageBytes: 1_000_000 };
  service = await openService({}, { pictureMaker: counted, limits });
  const inputs = names.map((name) => ({
    kind: 'bytes' as const,
    name,
    source: name,
    bytes: images[name] as Buffer,
  }));
  await service.submit(job, inputs);
});
afterAll(() => service.close());

const get = async (name: string, size: string, headers: Record<string, string> = {}, id = job) =>
  await service.app.inject({
    url: `/v1/jobs/${id}/images/${Math.max(0, names.indexOf(name))}/${size}`,
    headers: { host: 'localhost', ...headers },
  });

async function sidesOf(name: string, size: string) {
  const { statusCode, headers, rawPayload, body } = await get(name, size);
  expect(statusCode, body).toBe(200);
  expect(headers['content-type']).toBe('image/jpeg');
  const { format, width, height, orientation, exif } = await sharp(rawPayload).metadata();
  expect({ format, orientation, exif }).toEqual({ format: 'jpeg' });
  return [width, height];
}

describe('a thumbnail', () => {
  it.each([
    ['a.jpg', [320, 213]],
    ['turned.jpg', [213, 320]],
    ['iphone.HEIC', [320, 213]],
    ['scan.tif', [320, 213]],
    ['new.avif', [200, 133]],
    ['old.bmp', [40, 20]],
    ['large.png', [320, 213]],
    ['camera.dng', [213, 320]],
  ])('of %s is an upright JPEG', async (name, sides) => {
    expect(await sidesOf(name, 'thumbnail')).toEqual(sides);
  });

  it('shows what the image shows', async () => {
    const small = async (bytes: Buffer) => await sharp(bytes).resize(8, 8, { fit: 'fill' }).raw().toBuffer();
    const wanted = await small(coffee);
    for (const name of ['a.jpg', 'iphone.HEIC', 'scan.tif']) {
      const seen = await small((await get(name, 'thumbnail')).rawPayload);
      const difference = seen.reduce((sum, value, at) => sum + Math.abs(value - (wanted[at] as number)), 0);
      expect(difference / wanted.length, name).toBeLessThan(5);
    }
  });

  it('is made once, also for callers who ask at the same time, and for a second job with the same photograph', async () => {
    const before = made;
    const again = ulid();
    const bytes = Buffer.concat([coffee, Buffer.from('other')]);
    const input = { kind: 'bytes' as const, name: 'a.jpg', source: 'a.jpg', bytes };
    for (const id of [again, ulid()]) {
      await service.submit(id, [input]);
      const answers = await Promise.all([1, 2, 3].map(() => get('', 'thumbnail', {}, id)));
      expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200]);
    }
    expect(made - before).toBe(1);
  });

  it('is kept by browsers, each size for itself', async () => {
    const { headers } = await get('a.jpg', 'thumbnail');
    expect(headers).toMatchObject({
      'cache-control': 'private, max-age=86400, immutable',
      'content-security-policy': "default-src 'none'; sandbox",
    });
    const etag = String(headers.etag);
    expect((await get('a.jpg', 'thumbnail', { 'if-none-match': etag })).statusCode).toBe(304);
    expect((await get('a.jpg', 'preview', { 'if-none-match': etag })).statusCode).toBe(200);
  });
});

describe('a preview', () => {
  it('has at most 2,048 pixels on its longest side, and no more than the image', async () => {
    expect(await sidesOf('large.png', 'preview')).toEqual([2048, 1365]);
    expect(await sidesOf('iphone.HEIC', 'preview')).toEqual([600, 400]);
  });
});

describe('an image without a picture', () => {
  it.each([
    ['notes.txt', 415, 'not_an_image'],
    ['cut.webp', 415, 'truncated'],
  ])('%s says why, and browsers do not keep that', async (name, status, code) => {
    const { statusCode, headers, body } = await get(name, 'thumbnail');
    expect([statusCode, JSON.parse(body).code]).toEqual([status, code]);
    expect(headers).not.toHaveProperty('cache-control');
    expect(headers).not.toHaveProperty('etag');
  });

  it('is not there', async () => {
    const url = `/v1/jobs/${job}/images/${names.length}/thumbnail`;
    expect((await service.app.inject({ url, headers: { host: 'localhost' } })).statusCode).toBe(404);
  });

  it('is gone', async () => {
    const file = path.join(service.folder, 'gone.jpg');
    await writeFile(file, Buffer.concat([coffee, Buffer.from('gone')]));
    const gone = ulid();
    await service.submit(gone, [{ kind: 'file', name: 'gone.jpg', source: 'gone.jpg', path: file }]);
    await rm(file);
    for (const size of ['thumbnail', 'preview', '']) {
      const { statusCode, headers } = await get('', size, {}, gone);
      expect(statusCode).toBe(404);
      expect(headers).not.toHaveProperty('cache-control');
    }
  });
});

describe('the processes that make pictures', () => {
  const never = new AbortController().signal;
  const order = (longestSide: number) => ({ longestSide, read: async () => new Uint8Array() });
  const start = (sleep = systemClock.sleep) =>
    new PictureProcesses({
      entry: new URL('../children/dying-picture-process.ts', import.meta.url),
      under: [],
      maxPixels: 1,
      clock: { sleep },
    });

  it('may die of an image, which concerns no other', async () => {
    const maker = start();
    const replies = [3, 1, 3, 1].map((side) => maker.make(order(side), never));
    expect(await Promise.all(replies)).toMatchObject([
      { error: { code: 'worker_crash' } },
      { jpeg: {} },
      { error: { code: 'worker_crash' } },
      { jpeg: {} },
    ]);
    maker.close();
  });

  it('are ended when they send something else than a reply', async () => {
    const maker = start();
    const fault = 'The process for pictures sent something else than a reply.';
    expect(await maker.make(order(2), never)).toEqual({ fault });
    expect(await maker.make(order(1), never)).toMatchObject({ jpeg: {} });
    maker.close();
  });

  it('are two, and read an image when it is its turn', async () => {
    const maker = start();
    let reading = 0;
    let most = 0;
    const slow = {
      longestSide: 1,
      async read() {
        most = Math.max(most, ++reading);
        await new Promise(setImmediate);
        reading--;
        return new Uint8Array();
      },
    };
    await Promise.all(Array.from({ length: 6 }, () => maker.make(slow, never)));
    expect(most).toBe(2);
    maker.close();
  });

  it('lose their place to others when the caller has gone, or the image cannot be read', async () => {
    const maker = start();
    const gone = new AbortController();
    const unreadable = { longestSide: 1, read: () => Promise.reject(new HttpProblem(404, 'Gone.')) };
    const first = [unreadable, unreadable].map((each) => maker.make(each, never));
    const abandoned = maker.make(order(1), gone.signal);
    gone.abort(new Error('left'));
    for (const each of first) await expect(each).rejects.toThrow('Gone.');
    await expect(abandoned).rejects.toThrow('left');
    expect(await maker.make(order(1), never)).toMatchObject({ jpeg: {} });
    maker.close();
  });

  it('that cannot be started say nothing about the image', async () => {
    const maker = new PictureProcesses({
      entry: pictureEntry(),
      under: ['/nowhere/confine'],
      maxPixels: 1,
      clock: systemClock,
    });
    expect(await maker.make(order(1), never)).toMatchObject({ fault: expect.stringContaining('/nowhere') });
  });
});

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openImageSet, unreadBytes, writeFresh } from '../../../src/bench/image-set.ts';
import { makePhotographs } from '../../../src/bench/photographs.ts';

const samples = path.resolve(import.meta.dirname, '../../../samples');
let work: string;
beforeEach(async () => {
  work = await mkdtemp(path.join(tmpdir(), 'imgcls-photographs-'));
});
afterEach(() => rm(work, { recursive: true, force: true }));

const make = (name: string, options: { count: number; bytes: number; seed?: string; width?: number }) =>
  makePhotographs(path.join(work, name), { sources: samples, ...options });
const contents = (files: readonly string[]) => Promise.all(files.map((file) => readFile(file, 'base64')));

describe('photographs made of samples', () => {
  it('are the same for the same seed, different for another, and all different', async () => {
    const [a, b, c] = await Promise.all(
      ['1', '1', '2'].map(async (seed, at) =>
        contents(await make(String(at), { count: 7, bytes: 30_000, seed })),
      ),
    );
    expect(b).toEqual(a);
    expect(c).not.toEqual(a);
    expect(new Set(a).size).toBe(7);
  });

  it.each([
    [90_000, 500, 0.3],
    [2000, 100, 0.1],
  ])('are near %i bytes', async (bytes, width, tolerance) => {
    const height = (3 * width) / 4;
    const files = await makePhotographs(work, { sources: samples, count: 10, bytes, width, height });
    for (const file of files) {
      const jpeg = await readFile(file);
      expect(Math.abs(jpeg.length / bytes - 1), `${file}: ${jpeg.length}`).toBeLessThan(tolerance);
      expect(await sharp(jpeg).metadata()).toMatchObject({ format: 'jpeg', width, height });
    }
  });

  it('fail with the name of a file that is not an image', async () => {
    await writeFile(path.join(work, 'broken.jpg'), 'not an image');
    const making = makePhotographs(path.join(work, 'made'), { sources: work, count: 1, bytes: 1000 });
    await expect(making).rejects.toThrow(/broken\.jpg/);
  });
});

describe('an image set', () => {
  const open = (folder?: string) =>
    openImageSet({ samples, folder, seed: 1, cacheDir: work, kinds: ['tiny'] });

  it('of the samples knows the right labels of each crop', async () => {
    const { from, images } = await open();
    expect(from).toBe('samples');
    expect(images.medium).toEqual([]);
    expect(images.tiny[0]?.expected).toContain('n02123045');
    expect(images.tiny[5]?.expected).toEqual(images.tiny[0]?.expected);
  });

  it('of a folder uses photographs unchanged, and takes right labels from their names', async () => {
    const cat = await readFile(path.join(samples, 'cat.jpg'));
    const folder = path.join(work, 'own');
    await writeFresh(folder, [{ file: path.join(samples, 'cat.jpg'), expected: [] }], {
      count: 1,
      mark: 'a',
    });
    await writeFile(path.join(folder, 'n02123045_7.jpg'), cat);
    const { from, images } = await open(folder);
    expect(from).toBe('folder');
    expect(images.medium.map(({ expected }) => expected)).toEqual([[], ['n02123045']]);
    await expect(open(path.join(work, 'nowhere'))).rejects.toThrow(/Cannot read the folder/);
  });
});

describe('fresh images', () => {
  it('have new bytes for every mark, and the same pixels', async () => {
    const cat = path.join(samples, 'cat.jpg');
    const write = async (mark: string) => {
      const folder = path.join(work, mark);
      const submitted = await writeFresh(folder, [{ file: cat, expected: [] }], { count: 2, mark });
      return [...submitted.keys()].map((name) => path.join(folder, name));
    };
    const files = [cat, ...(await write('a')), ...(await write('b'))];
    expect(new Set(await contents(files)).size).toBe(5);
    const pixels = await Promise.all(
      files.map(async (file) =>
        (
          await sharp(await readFile(file))
            .raw()
            .toBuffer()
        ).toString('base64'),
      ),
    );
    expect(new Set(pixels).size).toBe(1);
  });

  it.each(['png', 'webp', 'gif', 'tiff', 'avif'] as const)('of %s are still read', async (format) => {
    const cat = await readFile(path.join(samples, 'cat.jpg'));
    const image = await sharp(cat).resize(64).toFormat(format).toBuffer();
    const fresh = Buffer.concat([image, unreadBytes('mark')]);
    const decode = async (bytes: Buffer) =>
      (await sharp(bytes, { failOn: 'warning' }).raw().toBuffer()).toString('base64');
    expect(await decode(fresh)).toBe(await decode(image));
  });
});

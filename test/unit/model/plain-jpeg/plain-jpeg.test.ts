import { globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { decodeImage } from '../../../../src/model/decode/decode.ts';
import { hasDamagedData } from '../../../../src/model/decode/libvips.ts';
import { decodePlainJpeg } from '../../../../src/model/decode/plain-jpeg/plain-jpeg.ts';
import { imageSourceOf } from '../../../../src/model/decode/source.ts';
import { exifSegment, iccSegment, jpegSized, jpegWith, manyScansJpeg } from '../../../e2e/attack-images.ts';
import { withFlippedBits } from '../../../e2e/mutate.ts';

/** The recipe of the pictures that Pillow made. */
const recipe = { resizeShortestSide: 64, cropSize: 56, kernel: 'linear' } as const;
const limits = { maxPixels: 150_000_000, decodeTimeoutMs: 20_000 };
const decode = (bytes: Uint8Array, maxPixels = limits.maxPixels) =>
  decodePlainJpeg(imageSourceOf(bytes), recipe, maxPixels);
const isTaken = (bytes: Uint8Array, maxPixels?: number) => decode(bytes, maxPixels) !== undefined;

const folder = path.join(import.meta.dirname, 'pillow');
const read = (name: string) => readFile(path.join(folder, name));

let jpeg: Buffer;
beforeAll(async () => {
  jpeg = await read('4-2-0.jpg');
});

const meanDifference = (one: Uint8Array, other: Uint8Array) =>
  one.reduce((sum, value, index) => sum + Math.abs(value - (other[index] as number)), 0) / one.length;

describe('the pixels of a plain JPEG', () => {
  it.each(globSync('*.linear.png', { cwd: folder }).toSorted())('are those of Pillow: %s', async (name) => {
    const expected = await sharp(await read(name))
      .raw()
      .toBuffer();
    const picture = decode(await read(name.replace('.linear.png', '.jpg')));
    expect(picture?.pixels).toHaveLength(expected.length);
    expect(meanDifference(picture?.pixels as Uint8Array, expected)).toBeLessThan(0.3);
  });

  it.each(['cubic', 'lanczos3'] as const)('are those of Pillow with the kernel %s', async (kernel) => {
    const expected = await sharp(await read(`4-4-4.${kernel}.png`))
      .raw()
      .toBuffer();
    const source = imageSourceOf(await read('4-4-4.jpg'));
    const picture = decodePlainJpeg(source, { ...recipe, kernel }, limits.maxPixels);
    expect(meanDifference(picture?.pixels as Uint8Array, expected)).toBeLessThan(0.4);
  });

  it('keep a colour exactly', async () => {
    for (const [background, bytes] of [
      ['#fff', 255],
      ['#000', 0],
    ] as const) {
      const blank = sharp({ create: { width: 700, height: 300, channels: 3, background } });
      const picture = decode(await blank.jpeg({ quality: 80 }).toBuffer());
      expect(picture?.pixels.every((value) => value === bytes)).toBe(true);
    }
  });
});

describe('a JPEG is left to the other decoder', () => {
  const blank = (width: number, height: number) =>
    sharp({ create: { width, height, channels: 3, background: '#345' } });

  it('with other colours than sRGB', async () => {
    expect(isTaken(await sharp(jpeg).withIccProfile('srgb').jpeg().toBuffer())).toBe(true);
    expect(isTaken(await sharp(jpeg).withIccProfile('p3').jpeg().toBuffer())).toBe(false);
    expect(isTaken(await sharp(jpeg).toColourspace('cmyk').jpeg().toBuffer())).toBe(false);
    const { icc } = await sharp(await sharp(jpeg).withIccProfile('srgb').jpeg().toBuffer()).metadata();
    expect(isTaken(jpegWith(jpeg, iccSegment(1, 2, icc as Buffer), iccSegment(2, 2, icc as Buffer)))).toBe(
      false,
    );
  });

  it('with EXIF that decoders read in different ways', () => {
    const tiff = Buffer.from('II*\0\x08\0\0\0\0\0\0\0\0\0', 'latin1');
    expect(isTaken(jpegWith(jpeg, exifSegment(tiff)))).toBe(true);
    expect(isTaken(jpegWith(jpeg, exifSegment(tiff), exifSegment(tiff)))).toBe(false);
    expect(isTaken(jpegWith(jpeg, exifSegment(Buffer.from('no TIFF'))))).toBe(false);
    // Short programs write EXIF with nothing but the orientation, and some forget the end of its list.
    const turned = Buffer.from('MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0', 'latin1');
    expect(isTaken(jpegWith(jpeg, exifSegment(turned)))).toBe(true);
    expect(isTaken(jpegWith(jpeg, exifSegment(turned.subarray(0, -4))))).toBe(false);
    expect(isTaken(jpegWith(jpeg, exifSegment(Buffer.from(turned).fill(0, 2, 4))))).toBe(false);
  });

  it('that is larger, or larger than the limit', async () => {
    expect(isTaken(await blank(1000, 800).jpeg().toBuffer())).toBe(true);
    expect(isTaken(await blank(1000, 801).jpeg().toBuffer())).toBe(false);
    expect(isTaken(jpeg, 150 * 101)).toBe(true);
    expect(isTaken(jpeg, 150 * 101 - 1)).toBe(false);
    expect(isTaken(Buffer.concat([jpeg, Buffer.alloc(5_000_000)]))).toBe(false);
    for (const [width, height] of [
      [65_500, 65_500],
      [65_535, 12],
      [800, 1000],
    ] as const)
      expect(isTaken(jpegSized(jpeg, width, height))).toBe(false);
  });

  it('for a recipe with a crop that is larger than the picture', () => {
    const source = imageSourceOf(jpeg);
    expect(decodePlainJpeg(source, { ...recipe, cropSize: 65 }, limits.maxPixels)).toBeUndefined();
  });

  it('with any damage: cut off anywhere, wrong bits, bytes that are left over', async () => {
    const small = await read('scaled-up.jpg');
    expect(isTaken(small)).toBe(true);
    for (let length = 3; length < small.length; length++)
      expect(isTaken(small.subarray(0, length))).toBe(false);
    const photograph = await readFile(path.resolve(import.meta.dirname, '../../../../samples/coffee.jpg'));
    expect(isTaken(photograph)).toBe(true);
    expect(isTaken(withFlippedBits(photograph, 20))).toBe(false);
    expect(isTaken(Buffer.concat([small.subarray(0, -2), Buffer.alloc(8), small.subarray(-2)]))).toBe(false);
    expect(isTaken(Buffer.concat([small, Buffer.alloc(40_000, 'motion photo')]))).toBe(true);
  });
});

describe('the decoder of plain JPEGs', () => {
  it('is as good after 300 damaged ones as before', async () => {
    const before = decode(jpeg)?.pixels;
    let taken = 0;
    for (let index = 0; index < 300; index++) {
      const mutant = Buffer.from(jpeg);
      const at = 2 + ((index * 7919) % (jpeg.length - 2));
      mutant[at] = ((mutant[at] as number) + 1 + (index % 255)) & 0xff;
      try {
        if (isTaken(mutant)) taken++;
      } catch (error) {
        // More scans than any encoder writes, found before the decoder starts.
        expect((error as Error).name).toBe('DecodeError');
      }
    }
    expect(taken).toBeGreaterThan(0);
    expect(taken).toBeLessThan(300);
    expect(decode(jpeg)?.pixels).toEqual(before);
  });

  it('decodes as many scans as encoders write', () => {
    expect(isTaken(manyScansJpeg({ side: 64, scans: 90 }))).toBe(true);
    expect(() => isTaken(manyScansJpeg({ side: 64, scans: 1000 }))).toThrow('more than 100 scans');
  });

  it('tells that the image is intact, as the check of its data does', async () => {
    for (const name of globSync('*.jpg', { cwd: folder })) {
      const bytes = await read(name);
      expect(await decodeImage(bytes, recipe, limits)).toMatchObject({ isIntact: true });
      expect(await hasDamagedData(bytes, limits)).toBe(false);
    }
  });
});

import fc from 'fast-check';
import sharp from 'sharp';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { decodeImage } from '../../../src/model/decode/decode.ts';
import { DecodeError } from '../../../src/model/decode/decode-error.ts';
import { imageSourceOf } from '../../../src/model/decode/source.ts';
import { tiffImages } from '../../../src/model/decode/tiff.ts';
import { greyTiffTags, type TiffTag, tiff } from '../../e2e/attack-images.ts';
import { manyPages } from '../../e2e/many-frames.ts';

const recipe = { resizeShortestSide: 256, cropSize: 224, kernel: 'linear' } as const;
const limits = { maxPixels: 150_000_000, decodeTimeoutMs: 20_000 };
const decode = (bytes: Uint8Array) => decodeImage(bytes, recipe, limits);
const errorOf = async (bytes: Uint8Array) => {
  const error = await decode(bytes).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(error instanceof DecodeError)) throw error ?? new Error('The image was decoded.');
  return `${error.code}: ${error.message}`;
};

const SIDE = 240;
/** A horizontal ramp from black to white, as grey values from 0 to 1. */
const ramp = Array.from({ length: SIDE * SIDE }, (_, index) => (index % SIDE) / (SIDE - 1));
/** Offset of the data that `tiff` writes behind a directory without values of its own. */
const dataAt = (tags: readonly TiffTag[]) => 8 + 2 + 12 * tags.length + 4;

/** A grey TIFF with one strip of these samples; the extra tags replace those with the same number. */
function greyTiff(samples: Buffer, { bits = 8, format = 1, extra = [] as TiffTag[] } = {}): Buffer {
  const changed: TiffTag[] = [[258, 'short', [bits]], [279, 'long', [samples.length]], ...extra];
  const tags = new Map(greyTiffTags(SIDE, SIDE).map((tag) => [tag[0], tag]));
  for (const tag of changed) tags.set(tag[0], tag);
  tags.set(339, [339, 'short', [format]]);
  const all = [...tags.values()].toSorted(([a], [b]) => a - b);
  const at = dataAt(all);
  return tiff(
    all.map((tag): TiffTag => (tag[0] === 273 ? [273, 'long', [at]] : tag)),
    { data: samples },
  );
}

const grey8 = Buffer.from(ramp.map((value) => Math.round(255 * value)));
const floats = (scale: number) => Buffer.from(Float32Array.from(ramp, (value) => value * scale).buffer);

/** The red channel at the left, in the middle and at the right of the middle row. */
function profile(pixels: Uint8Array): number[] {
  return [0, 112, 223].map((x) => pixels[3 * (112 * 224 + x)] as number);
}

/** The smallest value of the part that is cropped becomes black. */
describe('a TIFF with measured values', () => {
  it.each([
    ['floating-point from 0 to 1', greyTiff(floats(1), { bits: 32, format: 3 })],
    ['floating-point from 0 to 255', greyTiff(floats(255), { bits: 32, format: 3 })],
    ['floating-point from 0 to 9000', greyTiff(floats(9000), { bits: 32, format: 3 })],
    [
      '32-bit integers',
      greyTiff(Buffer.from(Uint32Array.from(ramp, (value) => value * 4e9).buffer), { bits: 32 }),
    ],
    [
      'signed 16-bit integers',
      greyTiff(Buffer.from(Int16Array.from(ramp, (value) => value * 32_767).buffer), {
        bits: 16,
        format: 2,
      }),
    ],
  ])('of %s is scaled by their range', async (_, bytes) => {
    const plain = profile((await decode(greyTiff(grey8))).pixels);
    for (const [index, value] of profile((await decode(bytes)).pixels).entries())
      expect(Math.abs(value - (plain[index] as number)), `${value} for ${plain[index]}`).toBeLessThan(20);
  });
});

describe('a TIFF with flawed tags that do not matter', () => {
  it.each<[string, TiffTag]>([
    ['the orientation 0', [274, 'short', [0]]],
    ['a resolution unit that does not exist', [296, 'short', [77]]],
    ['a private tag', [65_000, 'long', [1, 2, 3]]],
  ])('is decoded with %s', async (_, flaw) => {
    const { pixels, remarks } = await decode(greyTiff(grey8, { extra: [flaw] }));
    expect(profile(pixels)).toEqual(profile((await decode(greyTiff(grey8))).pixels));
    expect(remarks).toEqual({});
  });
});

describe('a kind of TIFF that would be shown wrongly', () => {
  it.each<[string, { bits?: number; format?: number; extra: TiffTag[] }]>([
    ['with old-style JPEG', { extra: [[259, 'short', [6]]] }],
    ['with ZSTD', { extra: [[259, 'short', [50_000]]] }],
    ['with LERC', { extra: [[259, 'short', [34_887]]] }],
    ['with compression 12345', { extra: [[259, 'short', [12_345]]] }],
    ['in the colour space Lab', { extra: [[262, 'short', [8]]] }],
    [
      'in the colour space YCbCr without JPEG',
      {
        extra: [
          [262, 'short', [6]],
          [277, 'short', [3]],
          [530, 'short', [1, 1]],
        ],
      },
    ],
    [
      'of 6 channels',
      {
        extra: [
          [262, 'short', [2]],
          [277, 'short', [6]],
        ],
      },
    ],
    ['of 12-bit unsigned samples', { bits: 12, extra: [] }],
    ['of 64-bit floating-point samples', { bits: 64, format: 3, extra: [] }],
    ['of 16-bit floating-point samples', { bits: 16, format: 3, extra: [] }],
  ])('is refused: %s', async (kind, options) => {
    expect(await errorOf(greyTiff(grey8, options))).toBe(
      `unsupported_format: TIFFs ${kind} are not supported.`,
    );
  });
});

describe('the pages of a TIFF', () => {
  const page = (side: number, background: string) =>
    sharp({ create: { width: side, height: side, channels: 3, background } });

  it('are looked through for the largest one that is no thumbnail', () => {
    const small = greyTiffTags(64, 64);
    const large = greyTiffTags(SIDE, SIDE);
    const at = dataAt(small);
    const second = tiff(large).subarray(8);
    const reduced: TiffTag[] = [[254, 'long', [1]], ...small];
    for (const [tags, next] of [
      [small, at],
      [reduced, at + 12],
    ] as const)
      expect(widthOf(imageSourceOf(tiff([...tags], { next, data: second })).bytes)).toBe(SIDE);
  });

  it('take no time that depends on their number, and may form a circle', async () => {
    const bytes = manyPages(400_000);
    expect(imageSourceOf(bytes).bytes.byteLength).toBe(bytes.byteLength);
    const circle = tiff(greyTiffTags(SIDE, SIDE), { next: 8 });
    expect(widthOf(imageSourceOf(circle).bytes)).toBe(SIDE);
    expect(await errorOf(circle)).toMatch(/^truncated/);
  });

  it('are read without the long lists of values that all of them may share', () => {
    const [values, pages] = [10_000, 64];
    const lists = greyTiffTags(SIDE, SIDE).map(([tag]): TiffTag => [tag, 'long', []]);
    const page = tiff(lists).subarray(8);
    const data = Buffer.alloc(4 * values, Buffer.of(SIDE, 0, 0, 0));
    const firstPage = 8 + data.length;
    const bytes = Buffer.concat([Buffer.from('II*\0'), Buffer.alloc(4), data, ...Array(pages).fill(page)]);
    bytes.writeUInt32LE(firstPage, 4);
    for (let at = firstPage; at < bytes.length; at += page.length) {
      for (let entry = at + 2; entry < at + page.length - 4; entry += 12) {
        bytes.writeUInt32LE(values, entry + 4);
        bytes.writeUInt32LE(8, entry + 8);
      }
      bytes.writeUInt32LE(at + page.length, at + page.length - 4);
    }
    const reading = vi.spyOn(Buffer.prototype, 'readUIntLE');
    const images = tiffImages(bytes);
    const reads = reading.mock.calls.length;
    reading.mockRestore();
    expect(images).toHaveLength(pages);
    expect(images.at(-1)).toMatchObject({ width: SIDE, height: SIDE });
    expect(reads).toBeLessThan(100 * pages);
  });

  it('of any damaged file are read without another error than one of the image', async () => {
    const whole = await page(64, '#4080c0').tiff({ bigtiff: true, pyramid: true, tile: true }).toBuffer();
    const damage = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(damage, fc.integer({ min: 5, max: 100 }), (changes, percent) => {
        const bytes = Buffer.from(whole);
        for (const [at, value] of changes) bytes[at] = value;
        try {
          imageSourceOf(bytes.subarray(0, Math.ceil((bytes.length * percent) / 100)));
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

/** Of the first directory, whose first entry is the width. */
const widthOf = (bytes: Uint8Array): number => {
  const file = Buffer.from(bytes);
  const at = file.readUInt32LE(4) + 2;
  expect(file.readUInt16LE(at)).toBe(256);
  return file.readUInt32LE(at + 8);
};

describe('a channel beyond the colours', () => {
  /** Red everywhere, with a fourth channel that is zero. */
  const rgbx = (kind: number) => {
    const samples = Buffer.alloc(4 * SIDE * SIDE);
    for (let at = 0; at < samples.length; at += 4) samples[at] = 200;
    return greyTiff(samples, {
      extra: [
        [262, 'short', [2]],
        [277, 'short', [4]],
        [338, 'short', [kind]],
      ],
    });
  };

  it('is transparency only if the file says so', async () => {
    const [selection, transparent] = await Promise.all([decode(rgbx(0)), decode(rgbx(2))]);
    expect([...selection.pixels.subarray(0, 3)]).toEqual([200, 0, 0]);
    expect([...transparent.pixels.subarray(0, 3)]).toEqual([255, 255, 255]);
  });
});

describe('camera raw', () => {
  let preview: Buffer;
  let thumbnail: Buffer;
  const dng = (data: Buffer, orientation = 1) =>
    tiff([...greyTiffTags(100, 100), [274, 'short', [orientation]], [50_706, 'long', [0x0401]]], { data });

  beforeAll(async () => {
    const half = { create: { width: 320, height: 640, channels: 3 as const, background: '#fff' } };
    const both = sharp({ create: { width: 640, height: 640, channels: 3, background: '#000' } }).composite([
      { input: half, left: 0, top: 0 },
    ]);
    preview = await both.clone().jpeg().toBuffer();
    thumbnail = await sharp(preview).resize(160, 120).jpeg().toBuffer();
  });

  it('gets the label of the largest JPEG in it, whoever made the camera', async () => {
    const parts = Buffer.concat([Buffer.alloc(500), thumbnail, preview, Buffer.alloc(500)]);
    const files = [
      dng(parts),
      Buffer.concat([Buffer.from('FUJIFILMCCD-RAW 0201', 'latin1'), parts]),
      Buffer.concat([Buffer.from('IIRO\x08\0\0\0', 'latin1'), parts]),
      Buffer.concat([Buffer.from('IIU\0\x18\0\0\0', 'latin1'), parts]),
      Buffer.concat([Buffer.from('\0\0\0\x18ftypcrx \0\0\0\x01crx isom', 'latin1'), parts]),
    ];
    for (const file of files) {
      const { pixels, remarks } = await decode(file);
      expect(remarks).toEqual({ source: 'preview' });
      expect([pixels[3 * 112 * 224], pixels[3 * (112 * 224 + 223)]]).toEqual([255, 0]);
    }
  });

  it('is upright by the orientation of the raw file', async () => {
    const { pixels } = await decode(dng(preview, 3));
    expect([pixels[3 * 112 * 224], pixels[3 * (112 * 224 + 223)]]).toEqual([0, 255]);
  });

  it('is refused if it has only a thumbnail', async () => {
    expect(await errorOf(dng(thumbnail))).toBe(
      'unsupported_format: The file is camera raw without a preview that is large enough.',
    );
  });

  it('is refused at once if it is full of what looks like the start of a JPEG', async () => {
    expect(await errorOf(dng(Buffer.alloc(16 * 2 ** 20, Buffer.of(0xff, 0xd8, 0xff, 0xe0))))).toMatch(
      /camera raw/,
    );
  });
});

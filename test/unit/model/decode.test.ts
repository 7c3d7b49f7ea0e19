import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { decodeImage } from '../../../src/model/decode/decode.ts';
import { DecodeError } from '../../../src/model/decode/decode-error.ts';
import {
  blackPng,
  bmp,
  greyTiffTags,
  heifSized,
  jpegWith,
  manyScansJpeg,
  SIDE_AT_LIMIT,
  tiff,
} from '../../e2e/attack-images.ts';
import { toBmp } from '../../to-bmp.ts';

const recipe = { resizeShortestSide: 256, cropSize: 224, kernel: 'linear' } as const;
const limits = { maxPixels: 150_000_000, decodeTimeoutMs: 20_000 };
const decode = (bytes: Uint8Array, changed: Partial<typeof limits> = {}) =>
  decodeImage(bytes, recipe, { ...limits, ...changed });

async function codeOf(bytes: Uint8Array, changed: Partial<typeof limits> = {}): Promise<string> {
  try {
    await decode(bytes, changed);
    return 'decoded';
  } catch (error) {
    if (error instanceof DecodeError) return error.code;
    throw error;
  }
}

type Rgb = [number, number, number];
const size = 224;

/** The colour in the middle of each quarter: top left, top right, bottom left, bottom right. */
async function quarters(bytes: Uint8Array): Promise<Rgb[]> {
  const { pixels } = await decode(bytes);
  expect(pixels).toHaveLength(size * size * 3);
  return [
    [56, 56],
    [56, 168],
    [168, 56],
    [168, 168],
  ].map(([y, x]) => {
    const at = ((y as number) * size + (x as number)) * 3;
    return [...pixels.subarray(at, at + 3)] as Rgb;
  });
}

function expectNear(found: Rgb[], expected: Rgb[], tolerance: number): void {
  for (const [index, colour] of expected.entries()) {
    for (const [channel, value] of colour.entries()) {
      const difference = Math.abs((found[index]?.[channel] ?? -1000) - value);
      expect(difference, `quarter ${index}: ${found[index]} for ${colour}`).toBeLessThanOrEqual(tolerance);
    }
  }
}

const RED: Rgb = [220, 30, 30];
const GREEN: Rgb = [40, 180, 50];
const BLUE: Rgb = [30, 40, 200];
const GREY: Rgb = [128, 128, 128];
const colours = [RED, GREEN, BLUE, GREY];

/** A square of four colours, 320 pixels wide. */
const square = () => {
  const side = 320;
  const data = Buffer.alloc(side * side * 3);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      data.set(colours[(y < side / 2 ? 0 : 2) + (x < side / 2 ? 0 : 1)] as Rgb, (y * side + x) * 3);
    }
  }
  return sharp(data, { raw: { width: side, height: side, channels: 3 } });
};

/** As much detail as a photo: a cut file has lost some of it. */
const noise = () =>
  sharp({
    create: {
      width: 400,
      height: 300,
      channels: 3,
      background: '#000',
      noise: { type: 'gaussian', mean: 128, sigma: 40 },
    },
  });

describe('formats', () => {
  it.each([
    ['JPEG', () => square().jpeg({ quality: 95 }), 6],
    ['progressive JPEG', () => square().jpeg({ quality: 95, progressive: true }), 6],
    ['PNG', () => square().png(), 0],
    ['interlaced PNG', () => square().png({ progressive: true }), 0],
    ['palette PNG', () => square().png({ palette: true }), 2],
    ['16-bit PNG', () => square().toColourspace('rgb16').png(), 1],
    ['WebP', () => square().webp({ lossless: true }), 1],
    ['GIF', () => square().gif(), 2],
    ['TIFF', () => square().tiff({ compression: 'lzw' }), 0],
    ['AVIF', () => square().avif({ quality: 90 }), 8],
  ])('%s', async (_, encode, tolerance) => {
    expectNear(await quarters(await encode().toBuffer()), colours, tolerance);
  });

  it('BMP', async () => {
    const bmp = await toBmp(square());
    expectNear(await quarters(bmp), colours, 0);
    expect(await codeOf(bmp.subarray(0, bmp.length / 2))).toBe('truncated');
    expect(await codeOf(bmp, { maxPixels: 1000 })).toBe('too_large');
    expect(await codeOf(bmp.subarray(0, 40))).toBe('truncated');
  });

  it('converts a CMYK JPEG to its colours', async () => {
    const cmyk = await square().toColourspace('cmyk').jpeg({ quality: 95 }).toBuffer();
    expect((await sharp(cmyk).metadata()).space).toBe('cmyk');
    // Ink cannot show the most saturated screen colours, so compare with a tolerance.
    expectNear(await quarters(cmyk), colours, 70);
  });

  it('applies an embedded colour profile', async () => {
    const p3 = await square().withIccProfile('p3').png().toBuffer();
    expect((await sharp(p3).metadata()).icc).toBeDefined();
    expectNear(await quarters(p3), colours, 3);
  });

  it.each([
    ['8-bit', 'b-w'],
    ['16-bit', 'grey16'],
  ])('converts %s grey to three equal channels', async (_, space) => {
    const grey = await square().toColourspace(space).png().toBuffer();
    for (const [red, green, blue] of await quarters(grey)) {
      expect([green, blue]).toEqual([red, red]);
    }
  });

  it('flattens transparency onto white', async () => {
    const clear = {
      width: 300,
      height: 300,
      channels: 4 as const,
      background: { r: 0, g: 0, b: 0, alpha: 0 },
    };
    const png = await sharp({ create: clear }).png().toBuffer();
    expectNear(await quarters(png), Array(4).fill([255, 255, 255]), 0);
    const half = await sharp({ create: { ...clear, background: { r: 0, g: 0, b: 0, alpha: 0.5 } } })
      .png()
      .toBuffer();
    expectNear(await quarters(half), Array(4).fill([127, 127, 127]), 1);
  });

  it.each([
    [1, [RED, GREEN, BLUE, GREY]],
    [2, [GREEN, RED, GREY, BLUE]],
    [3, [GREY, BLUE, GREEN, RED]],
    [4, [BLUE, GREY, RED, GREEN]],
    [5, [RED, BLUE, GREEN, GREY]],
    [6, [BLUE, RED, GREY, GREEN]],
    [7, [GREY, GREEN, BLUE, RED]],
    [8, [GREEN, GREY, RED, BLUE]],
  ])('rotates an image with EXIF orientation %i upright', async (orientation, expected) => {
    const jpeg = await square().withMetadata({ orientation }).jpeg({ quality: 95 }).toBuffer();
    expectNear(await quarters(jpeg), expected as Rgb[], 6);
  });

  it('takes the first frame of an animation', async () => {
    const stills = [RED, GREEN, BLUE].map(([r, g, b]) =>
      sharp({ create: { width: 120, height: 120, channels: 3, background: { r, g, b } } })
        .png()
        .toBuffer(),
    );
    const frames = await sharp(await Promise.all(stills), { join: { animated: true } })
      .gif()
      .toBuffer();
    expect((await sharp(frames).metadata()).pages).toBe(3);
    expectNear(await quarters(frames), Array(4).fill(RED), 4);
  });
});

describe('geometry', () => {
  it('crops the centre of the longer side', async () => {
    // Left third red, middle green, right blue: 900 x 300 leaves the middle 262 columns.
    const stripes = await sharp({ create: { width: 900, height: 300, channels: 3, background: '#00ff00' } })
      .composite([
        {
          input: { create: { width: 300, height: 300, channels: 3, background: '#ff0000' } },
          left: 0,
          top: 0,
        },
        {
          input: { create: { width: 300, height: 300, channels: 3, background: '#0000ff' } },
          left: 600,
          top: 0,
        },
      ])
      .png()
      .toBuffer();
    expectNear(await quarters(stripes), Array(4).fill([0, 255, 0]), 0);
  });

  it.each([
    [1, 1],
    [1, 5000],
    [5000, 1],
    [223, 225],
  ])('decodes %i x %i pixels', async (width, height) => {
    const png = await sharp({ create: { width, height, channels: 3, background: '#204060' } })
      .png()
      .toBuffer();
    expectNear(await quarters(png), Array(4).fill([0x20, 0x40, 0x60]), 0);
  });

  it.each([
    [95, 400, 'low_resolution'],
    [400, 95, 'low_resolution'],
    [96, 96, undefined],
  ])('%i x %i pixels: the warning is %s', async (width, height, warning) => {
    const png = await noise().resize(width, height).png().toBuffer();
    expect((await decode(png)).remarks.warning).toBe(warning);
  });
});

describe('files that cannot be decoded', () => {
  let jpeg: Buffer;
  let png: Buffer;
  beforeAll(async () => {
    jpeg = await noise().jpeg().toBuffer();
    png = await noise().png().toBuffer();
  });

  it.each([
    ['nothing', ''],
    ['text', 'The cat sat on the mat.'],
    ['text that begins like a BMP', 'BMW is a maker of cars, and of motorcycles.'],
    ['JSON', '{"svg": "<svg>"}'],
    ['HTML', '<!doctype html><html><body><svg/></body></html>'],
    ['a zip file', 'PK\x03\x04 and so on'],
    ['a video', '\0\0\0\x18ftypmp42\0\0\0\0mp42isom'],
  ])('%s is not an image', async (_, text) => {
    expect(await codeOf(Buffer.from(text, 'latin1'))).toBe('not_an_image');
  });

  it.each([
    [
      'SVG',
      '<svg xmlns="http://www.w3.org/2000/svg" width="100" height="100"><rect width="9" height="9"/></svg>',
    ],
    [
      'SVG with prolog',
      '<?xml version="1.0"?>\n<!-- made by hand -->\n<!DOCTYPE svg PUBLIC "a" "b">\n<svg></svg>',
    ],
    [
      'SVG with entities',
      '<!DOCTYPE svg [ <!ENTITY a "b"> ]><svg:svg xmlns:svg="http://www.w3.org/2000/svg"/>',
    ],
    ['SVG with a byte order mark', '\xef\xbb\xbf<svg/>'],
    ['PDF', '%PDF-1.7\n1 0 obj'],
    ['JPEG XL', '\xff\x0a\0\0'],
    ['Photoshop', '8BPS\0\x01'],
  ])('%s is an unsupported format', async (_, text) => {
    expect(await codeOf(Buffer.from(text, 'latin1'))).toBe('unsupported_format');
  });

  it('never renders an SVG, not even one in UTF-16', async () => {
    const svg = Buffer.from('\uFEFF<svg xmlns="http://www.w3.org/2000/svg"/>', 'utf16le');
    expect(await codeOf(svg)).toBe('unsupported_format');
    await expect(sharp(Buffer.from('<svg width="9" height="9"/>')).metadata()).rejects.toThrow();
  });

  it.each([0.3, 0.1, 0.01])('a JPEG and a PNG cut to %d of their length are truncated', async (part) => {
    expect(await codeOf(jpeg.subarray(0, Math.ceil(jpeg.length * part)))).toBe('truncated');
    expect(await codeOf(png.subarray(0, Math.ceil(png.length * part)))).toBe('truncated');
  });

  it('a WebP, TIFF and AVIF cut in half are truncated', async () => {
    const files = await Promise.all([
      noise().webp().toBuffer(),
      noise().tiff().toBuffer(),
      noise().avif({ effort: 0 }).toBuffer(),
    ]);
    for (const file of files)
      expect(await codeOf(file.subarray(0, file.length / 2 - 1000))).toBe('truncated');
  });

  it('bytes after the end of a JPEG are ignored', async () => {
    expect(await codeOf(Buffer.concat([jpeg, Buffer.from('what an editor left behind')]))).toBe('decoded');
  });

  it('more pixels than allowed are too large, without being decoded', async () => {
    const interlaced = await noise().png({ progressive: true }).toBuffer();
    expect(await codeOf(interlaced, { maxPixels: 400 * 300 - 1 })).toBe('too_large');
    expect(await codeOf(interlaced, { maxPixels: 400 * 300 })).toBe('decoded');
    // Ten times as many of those that are decoded row by row.
    expect(await codeOf(blackPng({ width: 60_000, height: 60_000, depth: 1 }))).toBe('too_large');
    expect(await codeOf(jpeg, { maxPixels: (400 * 300) / 10 - 1 })).toBe('too_large');
    expect(await codeOf(jpeg, { maxPixels: (400 * 300) / 10 })).toBe('decoded');
  });

  it('an image with an extreme shape is too large', async () => {
    expect(await codeOf(blackPng({ width: 2, height: 3_000_000, depth: 1 }))).toBe('too_large');
  });

  it('a TIFF without its pixels is truncated, not a black image', async () => {
    expect(await codeOf(tiff(greyTiffTags(100, 100)))).toBe('truncated');
    expect(await codeOf(tiff(greyTiffTags(100, 100), { data: Buffer.alloc(5000) }))).toBe('truncated');
    expect(await codeOf(tiff(greyTiffTags(100, 100), { data: Buffer.alloc(12_000) }))).toBe('decoded');
  });
});

describe('small files that need much memory or time', () => {
  it('a JPEG with more scans than any encoder writes is refused before it takes minutes', async () => {
    expect(await codeOf(manyScansJpeg({ side: SIDE_AT_LIMIT, scans: 3000 }))).toBe('unsupported_format');
    expect(await codeOf(manyScansJpeg({ side: 200, scans: 101 }))).toBe('unsupported_format');
    expect(await codeOf(manyScansJpeg({ side: 200, scans: 99 }))).toBe('decoded');
  });

  it('bytes that only look like scans of a JPEG are not counted', async () => {
    const scans = Buffer.from('ffda'.repeat(200), 'hex');
    const comment = Buffer.concat([Buffer.from([0xff, 0xfe, 0, 2 + 144]), scans.subarray(0, 144)]);
    const progressive = await noise().jpeg({ progressive: true }).toBuffer();
    expect(await codeOf(Buffer.concat([jpegWith(progressive, comment), scans]))).toBe('decoded');
  });

  it('an image whose decoder would need more than 1 GiB is too large', async () => {
    const avif = await noise().avif({ effort: 0 }).toBuffer();
    expect(await codeOf(heifSized(avif, 8000, 8000))).toBe('too_large');
    const deep = { width: SIDE_AT_LIMIT, height: SIDE_AT_LIMIT, depth: 16, colour: 'rgba', rows: 0 } as const;
    expect(await codeOf(blackPng({ ...deep, interlaced: true }))).toBe('too_large');
    expect(await codeOf(blackPng(deep)), 'row by row it is held in part').toBe('truncated');
    const wide = { width: 1_000_000, height: 140, depth: 16, colour: 'rgba', rows: 0 } as const;
    expect(await codeOf(blackPng(wide)), 'the rows held are all rows').toBe('too_large');
    const tall = { width: 128, height: 9_000_000, rows: 0 } as const;
    expect(await codeOf(blackPng(tall)), 'the scaling of the rows is held').toBe('too_large');
  });

  it('a BMP whose header announces more than 256 colours is damaged', async () => {
    const body = Buffer.alloc(4 * 300 + 4);
    expect(await codeOf(bmp({ width: 1, height: 1, colours: 300, body }))).toBe('truncated');
    expect(await codeOf(bmp({ width: 1, height: 1, colours: 0xffffffff, body }))).toBe('truncated');
    expect(await codeOf(bmp({ width: 1, height: 1, colours: 256, body }))).toBe('decoded');
  });
});

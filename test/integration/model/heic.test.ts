import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Random } from '../../../src/bench/random.ts';
import { isError } from '../../../src/core/model/outcome.ts';
import { createClassifier } from '../../../src/model/classifier.ts';
import { decodeImage } from '../../../src/model/decode/decode.ts';
import { DecodeError } from '../../../src/model/decode/decode-error.ts';
import { turnUpright } from '../../../src/model/decode/upright.ts';
import { runHeicDecoder } from '../../../src/model/heic-decoder.ts';
import { exifSegment, iccSegment, jpegWith, tiff } from '../../e2e/attack-images.ts';
import { mutants } from '../../e2e/mutate.ts';
import * as writer from '../../heic-files/heif-writer.ts';
import { LIMITS, SAMPLES_DIR, STARTER_DIR, starterManifest } from './support.ts';

const CROP = 224;
const recipe = { resizeShortestSide: 256, cropSize: CROP, kernel: 'linear' } as const;
const turned = (pixels: Uint8Array, orientation: number) =>
  turnUpright({ pixels, width: CROP, height: CROP }, orientation).pixels;
const pixelsOf = async (bytes: Uint8Array) => (await decodeImage(bytes, recipe, LIMITS)).pixels;
const jpeg = await readFile(join(SAMPLES_DIR, 'coffee.jpg'));

const { heif, heicFile, codedPicture, size } = writer;
const { data, coding } = codedPicture(heicFile('photo.heic'));
/** The sample as HEIC. */
const photo = (...properties: Buffer[]) =>
  heif([{ type: 'hvc1', data, properties: [coding, size(600, 400), ...properties] }]);

/** The mean difference of two pictures, of 255. */
function difference(one: Uint8Array, other: Uint8Array): number {
  expect(one).toHaveLength(other.length);
  return one.reduce((sum, value, at) => sum + Math.abs(value - (other[at] as number)), 0) / one.length;
}
/** HEIC at a usual quality loses some detail. */
const LOSS = 5;

async function best(files: readonly Uint8Array[]): Promise<{ label: string; score: number }[]> {
  const { sha256 } = await starterManifest();
  const classifier = await createClassifier({ dir: STARTER_DIR, sha256, ...LIMITS });
  onTestFinished(() => classifier.dispose());
  const results = await classifier.classify(files, 1);
  return results.map((result) => {
    if (isError(result)) throw new Error(result.error.message);
    return result.labels[0] as { label: string; score: number };
  });
}

/** `decoded`, or the code of the error. Fails at errors that are not about the image. */
async function codeOf(bytes: Uint8Array): Promise<string> {
  try {
    await decodeImage(bytes, recipe, LIMITS);
    return 'decoded';
  } catch (error) {
    if (error instanceof DecodeError) return error.code;
    throw error;
  }
}

describe('HEIC', () => {
  it('gets the label of the same photograph as JPEG: in one piece, in tiles, with 10 bits, in grey', async () => {
    const grey = heicFile('transparent.heic');
    // The transparency of this file is a grey copy of its picture. Make it the primary image.
    grey.writeUInt16BE(2, grey.indexOf('pitm') + 8);
    const files = ['photo', 'grid', '10-bits'].map((name) => heicFile(`${name}.heic`));
    const [expected, ...found] = await best([jpeg, ...files, grey]);
    for (const { label, score } of found.slice(0, -1)) {
      expect(label).toBe('espresso');
      expect(score).toBeGreaterThan((expected?.score ?? 1) - 0.05);
    }
    expect(found.at(-1)?.label).toBe('espresso');
  });

  const [turn, flip] = [writer.rotation, writer.mirror];
  it.each([
    [1, []],
    [2, [flip(1)]],
    [3, [turn(2)]],
    [4, [flip(0)]],
    [5, [turn(3), flip(1)]],
    [6, [turn(3)]],
    [7, [turn(3), flip(0)]],
    [8, [turn(1)]],
  ])('is upright, as a JPEG with the orientation %d', async (orientation, properties) => {
    const upright = turned(await pixelsOf(photo()), orientation);
    expect(difference(await pixelsOf(photo(...properties)), upright)).toBeLessThan(1);
  });

  it('is not turned a second time by its EXIF data', async () => {
    const exif = Buffer.concat([writer.u32(0), tiff([[0x0112, 'short', [6]]])]);
    const file = heif([
      { type: 'hvc1', data, properties: [coding, size(600, 400), turn(3)] },
      { type: 'Exif', data: exif, references: [['cdsc', [1]]] },
    ]);
    expect(difference(await pixelsOf(file), await pixelsOf(photo(turn(3))))).toBe(0);
    // The same data turn a JPEG.
    const asJpeg = await pixelsOf(jpegWith(jpeg, exifSegment(exif.subarray(4))));
    expect(difference(asJpeg, turned(await pixelsOf(jpeg), 6))).toBeLessThan(1);
  });

  it.each([
    ['', [], 0],
    [', then rotated', [turn(3)], 90],
    [', then mirrored and rotated', [flip(1), turn(1)], 270],
  ])('is cropped to its clean aperture%s', async (_, properties, clockwise) => {
    const part = sharp(jpeg).extract({ left: 180, top: 100, width: 300, height: 250 });
    const cropped = sharp(await (properties.length > 1 ? part.flop() : part).png().toBuffer());
    const expected = await pixelsOf(await cropped.rotate(clockwise).png().toBuffer());
    const found = await pixelsOf(photo(writer.aperture(300, 250, 30, 25), ...properties));
    expect(difference(found, expected)).toBeLessThan(LOSS);
  });

  it('is laid on white where it is transparent', async () => {
    const glass = sharp(jpeg).joinChannel(await sharp(jpeg).extractChannel('green').toBuffer());
    const onWhite = await pixelsOf(await glass.png().toBuffer());
    expect(difference(await pixelsOf(heicFile('transparent.heic')), onWhite)).toBeLessThan(LOSS);
    expect(difference(await pixelsOf(jpeg), onWhite)).toBeGreaterThan(2 * LOSS);
  });

  it('has the colours of its profile', async () => {
    const { icc } = await sharp(await sharp(jpeg).withIccProfile('p3').toBuffer()).metadata();
    if (icc === undefined) throw new Error('no profile');
    const expected = await pixelsOf(jpegWith(jpeg, iccSegment(1, 1, icc)));
    const [withProfile, without] = [await pixelsOf(photo(writer.profile(icc))), await pixelsOf(photo())];
    expect(difference(withProfile, expected)).toBeLessThan(difference(without, expected) - 1);
  });

  it('decodes one at a time, with the same result', async () => {
    const file = photo();
    const [first, ...others] = await Promise.all([file, file, heicFile('grid.heic'), file].map(pixelsOf));
    expect(others.map((pixels) => difference(pixels, first as Uint8Array) === 0)).toEqual([
      true,
      false,
      true,
    ]);
  });

  it('that takes too long ends with its thread, and the next one decodes', async () => {
    const work = { bytes: photo(), profile: undefined, shown: undefined, maxBytes: 2 ** 30 };
    await expect(runHeicDecoder({ ...work, timeoutMs: 1 })).rejects.toThrow('timeout');
    expect(await runHeicDecoder({ ...work, timeoutMs: 20_000 })).toMatchObject({ kind: 'decoded' });
  });
});

describe('hostile HEIC', async () => {
  const loop = heif([
    {
      type: 'grid',
      data: writer.grid(1, 1, 600, 400),
      properties: [size(600, 400)],
      references: [['dimg', [1]]],
    },
  ]);
  /** All tiles are one picture. */
  const tiled = (announced: Buffer) =>
    heif([
      {
        type: 'grid',
        data: writer.grid(256, 256, 65_535, 65_535),
        properties: [announced],
        references: [['dimg', Array<number>(65_535).fill(2)]],
      },
      { type: 'hvc1', data, properties: [coding, size(600, 400)] },
    ]);
  const nested = Array.from({ length: 5000 }).reduce<Buffer>(
    (inner) => writer.box('meta', inner),
    Buffer.alloc(0),
  );
  const avif = (await sharp(jpeg).avif({ effort: 0 }).toBuffer()).toString('latin1');
  const av1 = Buffer.from(avif.replace('ftypavif', 'ftypmif1').replace('avif', 'heic'), 'latin1');
  const sized = (width: number, height: number) =>
    heif([{ type: 'hvc1', data, properties: [coding, size(width, height)] }]);

  it.each([
    ['43 megapixels in 10 kB', heicFile('black.heic'), 'decoded'],
    ['65,535 tiles', tiled(size(65_535, 65_535)), 'too_large'],
    ['65,535 tiles that announce the size of one', tiled(size(600, 400)), 'truncated'],
    ['a size far above the picture', sized(65_535, 65_535), 'too_large'],
    ['a size far below the picture', sized(10, 10), 'too_large'],
    ['a size of nothing', sized(0, 0), 'truncated'],
    ['no height', sized(600, 0), 'truncated'],
    ['a tile that is the whole', loop, 'truncated'],
    ['5,000 nested boxes', Buffer.concat([photo().subarray(0, 24), nested]), 'truncated'],
    ['half of its bytes', photo().subarray(0, photo().length / 2), 'truncated'],
    ['an AV1 picture', av1, 'unsupported_format'],
  ])('with %s is an outcome', async (_, file, code) => {
    expect(await codeOf(file)).toBe(code);
  });

  it('gets no more memory than its limit', async () => {
    const order = { bytes: heicFile('black.heic'), profile: undefined, shown: undefined, timeoutMs: 20_000 };
    expect(await runHeicDecoder({ ...order, maxBytes: 200_000_000 })).toEqual({ kind: 'too_large' });
    expect(await runHeicDecoder({ ...order, maxBytes: 2 ** 30 })).toMatchObject({ kind: 'decoded' });
  });

  it('that is damaged in any way is an outcome', async () => {
    const originals = ['photo', 'grid', 'transparent', '10-bits'].map((name) => ({
      name,
      bytes: heicFile(`${name}.heic`),
    }));
    const codes = new Map<string, number>();
    for (const { bytes } of mutants(originals, 32, new Random(17))) {
      const code = await codeOf(bytes);
      codes.set(code, (codes.get(code) ?? 0) + 1);
    }
    expect([...codes.keys()].sort()).toEqual(expect.arrayContaining(['decoded', 'truncated']));
    expect(codes.keys()).not.toContain('deadline');
  });
});

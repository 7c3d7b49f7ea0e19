import { readFile } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { decodeImage } from '../../../src/model/decode/decode.ts';
import { DecodeError } from '../../../src/model/decode/decode-error.ts';
import { hasDamagedData } from '../../../src/model/decode/libvips.ts';
import { withFlippedBits } from '../../e2e/mutate.ts';

const recipe = { resizeShortestSide: 256, cropSize: 224, kernel: 'linear' } as const;
const limits = { maxPixels: 150_000_000, decodeTimeoutMs: 20_000 };
const decode = (bytes: Uint8Array) => decodeImage(bytes, recipe, limits);
const outcomeOf = async (bytes: Uint8Array) =>
  await decode(bytes).then(
    ({ remarks }) => remarks,
    (error: unknown) => {
      if (error instanceof DecodeError) return `${error.code}: ${error.message}`;
      throw error;
    },
  );

let jpeg: Buffer;
let png: Buffer;
beforeAll(async () => {
  jpeg = await readFile(path.resolve(import.meta.dirname, '../../../samples/coffee.jpg'));
  png = await sharp(jpeg).png().toBuffer();
});

const cut = (bytes: Buffer, share: number) => bytes.subarray(0, Math.round(share * bytes.length));

describe('an image whose end is missing', () => {
  it('is decoded as far as it goes, and says how far', async () => {
    for (const [bytes, share] of [
      [cut(jpeg, 0.95), 0.95],
      [cut(jpeg, 0.7), 0.7],
      [cut(png, 0.7), 0.7],
      [
        await sharp(jpeg)
          .gif()
          .toBuffer()
          .then((gif) => cut(gif, 0.8)),
        0.8,
      ],
    ] as const) {
      const remarks = await outcomeOf(bytes);
      expect(remarks).toMatchObject({ warning: 'damaged' });
      expect(Math.abs((remarks as { decodedShare: number }).decodedShare - share)).toBeLessThan(0.15);
    }
  });

  it('is an error if less than half of it is left', async () => {
    expect(await outcomeOf(cut(jpeg, 0.3))).toMatch(
      /^truncated: The JPEG is cut off or damaged: .*; only 3\d % of its rows/,
    );
  });
});

describe('a JPEG with wrong bits in its middle', () => {
  it('is known by what is left over at its end', async () => {
    expect(await hasDamagedData(withFlippedBits(jpeg, 20), limits)).toBe(true);
    expect(await hasDamagedData(jpeg, limits)).toBe(false);
  });

  it('is not suspected for bytes that an editor or a phone added', async () => {
    const padded = Buffer.concat([jpeg.subarray(0, -2), Buffer.alloc(8), jpeg.subarray(-2)]);
    const trailer = Buffer.concat([jpeg, Buffer.alloc(40_000, 'motion photo')]);
    for (const bytes of [padded, trailer]) expect(await hasDamagedData(bytes, limits)).toBe(false);
  });

  it('is not looked for in other images', async () => {
    for (const bytes of [png, cut(jpeg, 0.001), Buffer.from('text')])
      expect(await hasDamagedData(bytes, limits)).toBe(false);
  });
});

describe('a picture of one colour', () => {
  const blank = (background: string) =>
    sharp({ create: { width: 200, height: 200, channels: 3, background } });

  it('has a warning', async () => {
    expect(await outcomeOf(await blank('#fff').png().toBuffer())).toEqual({ warning: 'uniform' });
    expect(await outcomeOf(await blank('#123456').jpeg().toBuffer())).toEqual({ warning: 'uniform' });
  });

  it('at the start of an animation is skipped', async () => {
    const photo = await sharp(jpeg).resize(200, 200).png().toBuffer();
    const frames = [await blank('#fff').png().toBuffer(), await blank('#eee').png().toBuffer(), photo, photo];
    const animation = sharp(frames, { join: { animated: true } });
    for (const bytes of [
      await animation.clone().gif().toBuffer(),
      await animation.clone().webp().toBuffer(),
    ]) {
      expect(await outcomeOf(bytes)).toEqual({});
      expect(averageOf((await decode(bytes)).pixels)).toBeCloseTo(
        averageOf((await decode(photo)).pixels),
        -1,
      );
    }
  });

  it('is kept if the whole animation has it', async () => {
    const frames = await Promise.all(
      ['#fff', '#eee', '#ddd'].map((colour) => blank(colour).png().toBuffer()),
    );
    const animation = sharp(frames, { join: { animated: true } });
    for (const bytes of [await animation.clone().gif().toBuffer(), await animation.clone().webp().toBuffer()])
      expect(await outcomeOf(bytes)).toEqual({ warning: 'uniform' });
  });
});

const averageOf = (pixels: Uint8Array) => pixels.reduce((sum, value) => sum + value, 0) / pixels.length;

describe('the error of an image that is decoded beside others', () => {
  it('is its own, every time', async () => {
    const odd = cut(await sharp(jpeg).webp().toBuffer(), 0.5);
    const files = Array.from({ length: 16 }, (_, index) => (index % 2 === 0 ? odd : cut(jpeg, 0.3)));
    for (let run = 0; run < 2; run++) {
      const outcomes = await Promise.all(files.map(outcomeOf));
      expect(new Set(outcomes).size).toBe(2);
      expect(outcomes.every((text, index) => String(text).includes(index % 2 === 0 ? 'WEBP' : 'JPEG'))).toBe(
        true,
      );
    }
  });
});

import fc from 'fast-check';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { DecodeError } from '../../../src/model/decode/decode-error.ts';
import { imageSourceOf } from '../../../src/model/decode/source.ts';
import { gif } from '../../e2e/attack-images.ts';
import { animatedWebp, avifSequence, manyPages, webpChunk, webpFrame } from '../../e2e/many-frames.ts';
import { box } from '../../heic-files/heif-writer.ts';

const SIDE = 64;

/** Three frames of noise that differ. */
async function animation() {
  const noise = { type: 'gaussian', mean: 128, sigma: 40 } as const;
  const frame = () =>
    sharp({ create: { width: SIDE, height: SIDE, channels: 3, background: '#000', noise } })
      .png()
      .toBuffer();
  return sharp(await Promise.all([frame(), frame(), frame()]), { join: { animated: true } });
}

async function samples(): Promise<[string, Buffer][]> {
  const frames = await animation();
  const turned = frames.clone().withMetadata({ orientation: 6 });
  const avif = await sharp({ create: { width: SIDE, height: SIDE, channels: 3, background: '#4080c0' } })
    .avif({ effort: 0 })
    .toBuffer();
  return [
    ['GIF', await frames.clone().gif().toBuffer()],
    ['WebP', await frames.clone().webp({ lossless: true }).toBuffer()],
    ['lossy WebP with alpha', await frames.clone().ensureAlpha(0.5).webp().toBuffer()],
    ['WebP with an orientation', await turned.clone().webp().toBuffer()],
    ['TIFF', await frames.clone().tiff().toBuffer()],
    ['BigTIFF', await frames.clone().tiff({ bigtiff: true }).toBuffer()],
    ['AVIF with a movie', avifSequence(avif, 3)],
  ];
}

const cut = (bytes: Buffer) => Buffer.from(imageSourceOf(bytes).bytes);
/** Undefined if the file is so damaged that it is refused. */
const cutIfPossible = (bytes: Buffer) => {
  try {
    return cut(bytes);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return undefined;
  }
};
/** The pixels of the first frame as the library picks it, on white as the model gets them. */
const decoded = (bytes: Buffer) =>
  sharp(bytes, { pages: 1 }).flatten({ background: '#fff' }).raw().toBuffer();
/** As the library counts them; undefined if it cannot read the header. */
const framesIn = async (bytes: Buffer) =>
  await sharp(bytes)
    .metadata()
    .then(
      ({ pages = 1 }) => pages,
      () => undefined,
    );

let all: [string, Buffer][];
beforeAll(async () => {
  all = await samples();
});

describe('the first frame', () => {
  it('is the only one, with the same pixels and the same orientation', async () => {
    for (const [name, bytes] of all) {
      const first = cut(bytes);
      expect(first.equals(bytes), name).toBe(false);
      expect(await framesIn(first), name).toBe(1);
      expect((await decoded(first)).equals(await decoded(bytes)), name).toBe(true);
      expect((await sharp(first).metadata()).orientation, name).toBe(
        (await sharp(bytes).metadata()).orientation,
      );
      expect(cut(first).equals(first), name).toBe(true);
    }
  });

  it('is the file itself if there is no other', async () => {
    const still = sharp({ create: { width: 9, height: 9, channels: 3, background: '#fff' } });
    for (const format of ['gif', 'webp', 'avif', 'png', 'jpeg'] as const) {
      const bytes = await still.clone().toFormat(format).toBuffer();
      expect(imageSourceOf(bytes).bytes, format).toBe(bytes);
    }
  });

  it('of an animated AVIF is its image, whatever the brand and even if its movie is cut off', async () => {
    const still = await sharp({ create: { width: SIDE, height: SIDE, channels: 3, background: '#4080c0' } })
      .avif({ effort: 0 })
      .toBuffer();
    const animated = avifSequence(still, 3);
    animated.write('avis', 8);
    // As encoders write them: further brands, too, say that there is a movie.
    const branded = Buffer.from(animated);
    branded.write('avifmp42msf1', 16);
    for (const bytes of [animated, branded, animated.subarray(0, still.length + 100)])
      expect((await decoded(cut(bytes))).equals(await decoded(still))).toBe(true);
  });

  it('is not looked for in an AVIF without a still image', () => {
    const movie = Buffer.concat([box('ftyp', Buffer.from('avis\0\0\0\0avis')), box('moov')]);
    expect(() => imageSourceOf(movie)).toThrow(
      'has a video track and no still image, which is not supported',
    );
  });

  it('is found at once among 180,000 frames of a WebP, 300,000 of a GIF and 400,000 pages of a TIFF', async () => {
    const webp = cut(animatedWebp(Array(180_000).fill(webpFrame())));
    expect(webp.length).toBeLessThan(200);
    const first = cut(gif({ width: 120, height: 120, frames: 300_000 }));
    expect(first.length).toBeLessThan(100);
    const tiff = cut(manyPages(400_000));
    for (const bytes of [webp, first, tiff]) expect(await framesIn(bytes)).toBe(1);
  });

  it('of a WebP does not hide others in its chunk', async () => {
    const hidden = animatedWebp([webpFrame(webpFrame(), webpFrame())]);
    expect(await framesIn(hidden)).toBe(3);
    expect(await framesIn(cut(hidden))).toBe(1);
    const behind = animatedWebp([webpFrame(webpChunk('what', Buffer.alloc(3))), webpFrame()]);
    expect(await framesIn(cut(behind))).toBe(1);
  });

  it('of a file that is cut off is left to the decoder', () => {
    for (const [name, bytes] of all.filter(([name]) => !/TIFF|AVIF/.test(name))) {
      const part = bytes.subarray(0, bytes.length / 4);
      expect(imageSourceOf(part).bytes, name).toBe(part);
    }
  });

  it('is the only one of any damaged file that can be read at all', async () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
    const part = fc.integer({ min: 20, max: 100 });
    let readable = 0;
    await fc.assert(
      fc.asyncProperty(fc.nat(all.length - 1), part, damage, async (which, percent, changes) => {
        const [, whole] = all[which] as [string, Buffer];
        const bytes = Buffer.from(whole.subarray(0, Math.ceil((whole.length * percent) / 100)));
        // After the signature.
        for (const [at, value] of changes) bytes[12 + (at % (bytes.length - 12))] = value;
        const first = cutIfPossible(bytes);
        if (first === undefined) return;
        expect(first.length).toBeLessThanOrEqual(bytes.length);
        const frames = await framesIn(first);
        if (frames !== undefined) readable++;
        expect(frames ?? 1).toBe(1);
      }),
      { numRuns: 200 },
    );
    expect(readable).toBeGreaterThan(20);
  });
});

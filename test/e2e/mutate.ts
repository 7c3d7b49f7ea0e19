// Damaged images: copies of good ones, hurt by seeded chance as disks, networks and attackers hurt them.

import sharp from 'sharp';
import { Random } from '../../src/bench/random.ts';
import { heicFile } from '../heic-files/heif-writer.ts';
import { toBmp } from '../to-bmp.ts';

export interface NamedImage {
  name: string;
  bytes: Buffer;
}

/** The photograph as every decoder gets to see it. */
export async function encodings(photograph: string, stem: string): Promise<NamedImage[]> {
  const photo = sharp(photograph).resize(160, 120);
  const jpeg = await photo.clone().jpeg().toBuffer();
  const encoded: Record<string, Buffer> = {
    'baseline.jpg': jpeg,
    'progressive.jpg': await photo
      .clone()
      .withMetadata({ orientation: 6 })
      .jpeg({ progressive: true })
      .toBuffer(),
    'plain.png': await photo.clone().withIccProfile('p3').png().toBuffer(),
    'interlaced.png': await photo.clone().png({ progressive: true, palette: true }).toBuffer(),
    'lossy.webp': await photo.clone().webp().toBuffer(),
    'lossless.webp': await photo.clone().webp({ lossless: true, effort: 0 }).toBuffer(),
    'still.gif': await photo.clone().gif().toBuffer(),
    'lzw.tif': await photo.clone().tiff({ compression: 'lzw' }).toBuffer(),
    'tiled.tif': await photo
      .clone()
      .tiff({ compression: 'jpeg', tile: true, tileWidth: 64, tileHeight: 64 })
      .toBuffer(),
    'photo.heic': heicFile('photo.heic'),
    'still.avif': await photo.clone().avif({ effort: 0 }).toBuffer(),
    'bitmap.bmp': await toBmp(sharp(jpeg)),
  };
  return Object.entries(encoded).map(([name, bytes]) => ({ name: `${stem}-${name}`, bytes }));
}

/** `count` damaged copies, each original in turn; the same for the same chance. */
export function* mutants(
  originals: readonly NamedImage[],
  count: number,
  random: Random,
): Generator<NamedImage> {
  for (let index = 0; index < count; index++) {
    const { name, bytes } = originals[index % originals.length] as NamedImage;
    const other = originals[random.below(originals.length)] as NamedImage;
    const [how, damage] = damages[random.below(damages.length)] as (typeof damages)[number];
    const number = String(index).padStart(4, '0');
    yield { name: `${number}-${how}-${name}`, bytes: damage(Buffer.from(bytes), random, other.bytes) };
  }
}

/** Headers and tables of a photograph, in which a wrong bit is an error. */
const JPEG_HEADER_BYTES = 2000;

/** A JPEG with so many wrong bits in the data of its pixels. Its decoder shows other colours, and says nothing. */
export function withFlippedBits(jpeg: Buffer, count: number): Buffer {
  const bytes = Buffer.from(jpeg);
  const random = new Random(1);
  for (let flip = 0; flip < count; flip++) {
    const at = JPEG_HEADER_BYTES + random.below(bytes.length - 2 * JPEG_HEADER_BYTES);
    // No marker, and none made.
    if (bytes[at] !== 0xff && bytes[at - 1] !== 0xff) bytes[at] = (bytes[at] as number) ^ 0x10;
  }
  return bytes;
}

type Damage = (bytes: Buffer, random: Random, other: Buffer) => Buffer;

/** Sizes, offsets and tables are at the start: a hit there does most. */
const HEADER_BYTES = 200;

/** A place and a length of some bytes in the middle. */
function part(bytes: Buffer, random: Random): [from: number, to: number] {
  const from = random.below(bytes.length);
  return [from, Math.min(bytes.length, from + 1 + random.below(Math.ceil(bytes.length / 8)))];
}

const noise = (length: number, random: Random) =>
  Buffer.from(Array.from({ length }, () => random.below(256)));

/** Values that lengths and counts overflow at. */
const EXTREMES = [0, 1, 0x7f, 0x80, 0xff];

const damages: readonly (readonly [name: string, damage: Damage])[] = [
  [
    'flip',
    (bytes, random) => {
      for (let flips = 1 + random.below(20); flips > 0; flips--) {
        const at = random.below(bytes.length);
        bytes[at] = (bytes[at] as number) ^ (1 << random.below(8));
      }
      return bytes;
    },
  ],
  [
    'overwrite',
    (bytes, random) => {
      const [from, to] = part(bytes, random);
      noise(to - from, random).copy(bytes, from);
      return bytes;
    },
  ],
  [
    'header',
    (bytes, random) => {
      for (let hits = 1 + random.below(8); hits > 0; hits--) {
        bytes[random.below(Math.min(HEADER_BYTES, bytes.length))] = EXTREMES[
          random.below(EXTREMES.length)
        ] as number;
      }
      return bytes;
    },
  ],
  ['cut', (bytes, random) => bytes.subarray(0, random.below(bytes.length))],
  [
    'delete',
    (bytes, random) => {
      const [from, to] = part(bytes, random);
      return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
    },
  ],
  [
    'repeat',
    (bytes, random) => {
      const [from, to] = part(bytes, random);
      return Buffer.concat([bytes.subarray(0, to), bytes.subarray(from)]);
    },
  ],
  [
    'insert',
    (bytes, random) => {
      const [from, to] = part(bytes, random);
      return Buffer.concat([bytes.subarray(0, from), noise(to - from, random), bytes.subarray(from)]);
    },
  ],
  [
    'splice',
    (bytes, random, other) =>
      Buffer.concat([
        bytes.subarray(0, random.below(bytes.length)),
        other.subarray(random.below(other.length)),
      ]),
  ],
];

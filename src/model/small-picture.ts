// Small JPEGs of images, for people.

import sharp from 'sharp';
import { decodeImage } from './decode/decode.ts';
import type { DecodeLimits } from './decode/decode-failure.ts';
import type { Target, Whole } from './decode/placement.ts';

/** Of JPEG, 1 to 100. Small pictures are many; a large one is looked at. */
const QUALITY = { small: 72, large: 82 };
/** Longest side of what counts as small. */
const SMALL_PIXELS = 512;

/** A JPEG of an image, upright and without metadata. @throws as `decodeImage`. */
export async function smallPicture(
  bytes: Uint8Array,
  target: Target | Whole,
  limits: DecodeLimits,
): Promise<Buffer> {
  const { pixels, sides } = await decodeImage(bytes, target, limits);
  const { small, large } = QUALITY;
  const quality = Math.max(sides.width, sides.height) > SMALL_PIXELS ? large : small;
  return await sharp(pixels, { raw: { ...sides, channels: 3 } })
    .jpeg({ quality })
    .toBuffer();
}

// The fast way for the JPEGs that most photographs are: libjpeg-turbo, then our own scaling. It takes half the time of
// libvips (docs/decisions/0042-jpeg.md). It gives no reasons: what it does not take goes the other way, which has them.

import { type JpegHeader, jpegHeader } from '../jpeg.ts';
import type { Pixels } from '../pixels.ts';
import type { Target } from '../placement.ts';
import type { ImageSource } from '../source.ts';
import { isCompleteExif, tiffOrientation } from '../tiff.ts';
import { turnUpright } from '../upright.ts';
import { type JpegDecoder, makeJpegDecoder } from './decoder.ts';
import { isSrgbProfile } from './srgb-profile.ts';

/**
 * Larger JPEGs are scaled to less than half, so libvips decodes only a part of their numbers. The limit also bounds time and
 * memory: the decoder cannot be interrupted.
 */
const MAX_PIXELS = 800_000;
/** Phones append videos. */
const MAX_BYTES = 4 * 2 ** 20;

let decoder: JpegDecoder | undefined;

/**
 * Decodes a plain JPEG: of 8 bits, grey or in colours of sRGB, of moderate size, and without any damage.
 * @returns undefined for any other image
 */
export function decodePlainJpeg(source: ImageSource, recipe: Target, maxPixels: number): Pixels | undefined {
  if (source.format !== 'jpeg' || source.bytes.byteLength > MAX_BYTES) return undefined;
  if (recipe.cropSize > recipe.resizeShortestSide) return undefined;
  const startedMs = performance.now();
  const header = jpegHeader(source.bytes);
  if (!isPlain(header, Math.min(maxPixels, MAX_PIXELS))) return undefined;
  decoder ??= makeJpegDecoder({ maxPixels: MAX_PIXELS });
  const picture = decoder(source.bytes, recipe);
  if (picture === undefined) return undefined;
  const [exif] = header.exif;
  const orientation = exif === undefined ? source.orientation : tiffOrientation(exif, source.orientation);
  const sides = { width: recipe.cropSize, height: recipe.cropSize };
  return {
    ...picture,
    pixels: turnUpright({ pixels: picture.pixels, ...sides }, orientation).pixels,
    sides,
    decodeMs: performance.now() - startedMs,
  };
}

function isPlain({ frame, exif, profile }: JpegHeader, maxPixels: number): boolean {
  if (frame === undefined || exif.length > 1) return false;
  const { width, height, bits, components } = frame;
  return (
    bits === 8 &&
    (components === 1 || components === 3) &&
    width * height <= maxPixels &&
    exif.every(isCompleteExif) &&
    (profile.length === 0 || (components === 3 && isSrgb(profile)))
  );
}

/** Before a profile come the number of its part and how many parts there are. */
const PART_BYTES = 2;

const isSrgb = ([part, ...others]: Buffer[]): boolean =>
  part !== undefined && others.length === 0 && isSrgbProfile(part.subarray(PART_BYTES));

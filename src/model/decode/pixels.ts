// Runs a decoder, and scales and crops what it reads. It decides nothing about the image.

import sharp, { type Metadata, type Sharp } from 'sharp';
import { freeBytes } from '../free-bytes.ts';
import { makeSerialQueue } from '../serial-queue.ts';
import { decodeBmp } from './bmp.ts';
import { DecodeError } from './decode-error.ts';
import { decodeHeic } from './heic.ts';
import { checkHeldBytes } from './held-memory.ts';
import { isScaledAsPillow, scaledAsPillow } from './pillow.ts';
import { type Placement, placementOf, type Target, type Whole } from './placement.ts';
import type { ImageSource } from './source.ts';
import { timeLimit } from './time-limit.ts';
import { turnUpright } from './upright.ts';

// One thread for each decode: runners and images already run in parallel. No cache: no image is decoded twice.
sharp.cache(false);
sharp.concurrency(1);
// `imageFormatOf` determines the format from the bytes. In case libvips sees another format, block its loaders for SVG,
// PDF and others. This applies to the whole process.
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({
  operation: ['Jpeg', 'Png', 'Webp', 'Nsgif', 'Tiff', 'Heif'].map((name) => `VipsForeignLoad${name}Buffer`),
});

export interface Attempt {
  /** `tolerant` decodes what is left of a damaged file. */
  strictness: 'strict' | 'tolerant';
  maxPixels: number;
  /** Wall-clock time; rounded up to whole seconds. */
  timeoutMs: number;
  /** If it was read before; otherwise it is read while the pixels are decoded. */
  header?: Metadata;
}

export interface Sides {
  width: number;
  height: number;
}

export interface Pixels {
  /** Rows from the top, R G B a pixel, upright, sRGB: `cropSize` x `cropSize` pixels, or the whole picture. */
  pixels: Uint8Array;
  /** Of `pixels`. */
  sides: Sides;
  /** Of the image as stored. */
  width: number;
  height: number;
  /** Wall-clock time of the decoder. */
  decodeMs: number;
}

/**
 * Images that are decoded row by row are held only in part, so that time bounds them, not memory. Phones take photographs
 * of 200 megapixels; this many are decoded in some ten seconds.
 */
const STREAMED_PIXELS_FACTOR = 10;

/** libvips cannot scale a picture of a more extreme shape: its longer side would have too many pixels. */
const MAX_ASPECT = 100_000;

/** A process decodes one image at a time of those whose decoder needs the whole image in memory. */
const oneAtATime = makeSerialQueue();

/**
 * Rotates the image by its EXIF orientation, converts it to sRGB (from an embedded profile, CMYK, 16 bit or grey), flattens
 * transparency onto white, then scales the shortest side and crops the centre by the recipe, or fits the whole picture.
 * @throws {DecodeError} if the image is too large or of an unsupported kind. Errors of the decoder are thrown as they are.
 */
export async function decodePixels(
  source: ImageSource,
  target: Target | Whole,
  attempt: Attempt,
): Promise<Pixels> {
  const { format } = source;
  if (format === 'bmp') return await oneAtATime(() => decodeBitmap(source, target, attempt));
  if (format === 'heic') return await oneAtATime(() => decodeInThread(source, target, attempt));
  const image = openImage(source, attempt);
  if (!source.isHeldWhole) return await shrink(image, source, target, attempt);
  return await oneAtATime(async () => {
    checkHeldBytes(format, await image.metadata());
    const shown = source.dropsLastChannel ? await withoutLastChannel(image) : image;
    return await shrink(shown, source, target, attempt);
  });
}

/** The colours alone. Before the scaling, which would take the channel for transparency and forget what that hides. */
async function withoutLastChannel(image: Sharp): Promise<Sharp> {
  const colours = image.toColourspace('srgb').removeAlpha().raw();
  const { data, info } = await colours.toBuffer({ resolveWithObject: true });
  return sharp(data, { raw: { width: info.width, height: info.height, channels: info.channels } });
}

/**
 * A pipeline over the image; reads nothing yet. `truncated` refuses images that are cut off and accepts what viewers accept,
 * such as bytes after the end. For TIFF it would show strips that cannot be decoded as black.
 */
export function openImage(source: ImageSource, { strictness, maxPixels }: Attempt): Sharp {
  const { bytes, format } = source;
  return sharp(bytes, {
    failOn: strictness === 'tolerant' ? 'none' : format === 'tiff' ? 'error' : 'truncated',
    limitInputPixels: pixelLimit(source, maxPixels),
    page: source.frame ?? 0,
    pages: 1,
    // Ends the search for lost restart markers of a JPEG.
    unlimited: strictness === 'tolerant' && format === 'jpeg',
  });
}

const pixelLimit = ({ isHeldWhole }: ImageSource, maxPixels: number): number =>
  isHeldWhole ? maxPixels : STREAMED_PIXELS_FACTOR * maxPixels;

/**
 * The header of an image; undefined for a BMP or HEIC, which libvips does not read.
 * @throws {DecodeError} `too_large` if the image has more pixels than allowed, or an extreme shape. Errors of the decoder are
 * thrown as they are.
 */
export async function checkedHeader(source: ImageSource, maxPixels: number): Promise<Metadata | undefined> {
  if (source.format === 'bmp' || source.format === 'heic') return undefined;
  const header = await sharp(source.bytes, { failOn: 'none', limitInputPixels: false }).metadata();
  const { width, height } = header;
  const limit = pixelLimit(source, maxPixels);
  const size = `The image has ${width} x ${height} pixels`;
  if (width * height > limit) throw new DecodeError('too_large', `${size}; the limit is ${limit} pixels.`);
  if (Math.max(width, height) > MAX_ASPECT * Math.min(width, height))
    throw new DecodeError('too_large', `${size}: one side is more than ${MAX_ASPECT} times the other.`);
  return header;
}

/** Drops what decoders have remarked on images before. */
export async function forgetRemarks(): Promise<void> {
  await sharp({ create: { width: 1, height: 1, channels: 3, background: '#fff' } })
    .raw()
    .toBuffer();
}

async function decodeBitmap(source: ImageSource, target: Target | Whole, attempt: Attempt): Promise<Pixels> {
  const { data, width, height } = await decodeBmp(source.bytes, attempt.maxPixels);
  return await shrink(sharp(data, { raw: { width, height, channels: 3 } }), source, target, attempt);
}

async function decodeInThread(
  source: ImageSource,
  target: Target | Whole,
  attempt: Attempt,
): Promise<Pixels> {
  const startedMs = performance.now();
  const tiff = await decodeHeic(source.bytes, attempt);
  const pixels = await shrink(sharp(tiff, { limitInputPixels: attempt.maxPixels }), source, target, attempt);
  freeBytes(tiff);
  return { ...pixels, decodeMs: performance.now() - startedMs };
}

async function shrink(
  image: Sharp,
  source: ImageSource,
  target: Target | Whole,
  attempt: Attempt,
): Promise<Pixels> {
  const startedMs = performance.now();
  const square = target.fit === 'inside' ? undefined : target;
  const isPillows = square !== undefined && isScaledAsPillow(square);
  const header = isPillows ? (attempt.header ?? (await image.metadata())) : attempt.header;
  // Colours would cut measured values to the range of a byte.
  const inColours = source.isMeasured
    ? image.pipelineColourspace('b-w').toColourspace('b-w')
    : image.toColourspace('srgb');
  const flat = inColours.flatten({ background: '#ffffff' });
  const isHeld = isPillows && header !== undefined && isHeldForPillow(header, source);
  const pipeline = (isHeld ? flat : scaled(flat, target, header))
    .timeout(timeLimit(attempt.timeoutMs))
    .raw({ depth: source.isMeasured ? 'float' : 'uchar' });
  // Queue both to the thread pool at once: while a session runs, the event loop is blocked and could not start the second.
  const decoding = pipeline.toBuffer({ resolveWithObject: true });
  // Wait for both, because each still reads the bytes.
  const [described, decoded] = await Promise.allSettled([header ?? image.metadata(), decoding]);
  if (described.status === 'rejected') throw described.reason;
  if (decoded.status === 'rejected') throw decoded.reason;
  const { width, height, orientation = source.orientation } = described.value;
  const { data, info } = decoded.value;
  if (info.channels !== (source.isMeasured ? 1 : 3)) {
    throw new DecodeError('unsupported_format', `Images with ${info.channels} channels are not supported.`);
  }
  const raw = {
    pixels: source.isMeasured ? scaledByRange(data) : data,
    width: info.width,
    height: info.height,
  };
  const shown = isHeld
    ? { pixels: scaledAsPillow(raw, square), width: square.cropSize, height: square.cropSize }
    : raw;
  const { pixels, ...sides } = turnUpright(shown, orientation);
  if (pixels !== data) freeBytes(data);
  return { pixels, sides, width, height, decodeMs: performance.now() - startedMs };
}

/** Of more pixels libvips decodes only a part, which takes a fraction of the time and memory. */
const MAX_PILLOW_PIXELS = 4_000_000;

const isHeldForPillow = ({ width, height }: Metadata, source: ImageSource): boolean =>
  !source.isMeasured && width * height <= MAX_PILLOW_PIXELS;

function scaled(image: Sharp, target: Target | Whole, header: Metadata | undefined): Sharp {
  if (target.fit !== 'inside') return scaledAndCropped(image, target, header);
  const { longestSide: side } = target;
  return image.resize(side, side, { fit: 'inside', withoutEnlargement: true });
}

/** @param header needed if the sizes depend on those of the picture. */
function scaledAndCropped(image: Sharp, recipe: Target, header: Metadata | undefined): Sharp {
  const { fit = 'cover', resizeShortestSide: side, cropSize, kernel } = recipe;
  if (fit === 'cover' || header === undefined) {
    const margin = Math.round((side - cropSize) / 2);
    return image
      .resize(side, side, { fit: 'cover', kernel })
      .extract({ left: margin, top: margin, width: cropSize, height: cropSize });
  }
  const { width, height } = header;
  const [across, down] = [width, height].map((size) =>
    placementOf(size, Math.min(width, height), recipe),
  ) as [Placement, Placement];
  return image
    .resize(across.scaledSize, down.scaledSize, { fit: 'fill', kernel })
    .extract({ left: across.margin, top: down.margin, width: cropSize, height: cropSize });
}

/** The tolerance for values that the scaling of a picture of 0 to 1 makes. */
const OVERSHOOT = 0.1;

/**
 * Makes measured values visible. Those from 0 to 1 are shares of white by convention; of any other range the smallest is
 * black and the largest white.
 * @param data 32-bit floating-point values, one a pixel
 * @returns three equal bytes a pixel
 */
function scaledByRange(data: Buffer): Uint8Array {
  const values = new Float32Array(data.buffer, data.byteOffset, data.byteLength / 4);
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    // Depth maps have infinity where they know no depth.
    if (!Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low >= -OVERSHOOT && high <= 1 + OVERSHOOT && high > OVERSHOOT) [low, high] = [0, 1];
  const scale = high > low ? 255 / (high - low) : 0;
  const grey = Uint8ClampedArray.from(values, (value) => (value - low) * scale);
  return Uint8Array.from({ length: 3 * grey.length }, (_, index) => grey[Math.floor(index / 3)] as number);
}

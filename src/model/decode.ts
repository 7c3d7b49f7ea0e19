// Encoded image -> the pixels that the model looks at.

import sharp, { type Sharp } from 'sharp';
import { type ImageFormat, imageFormatOf } from '../core/model/image-format.ts';
import type { Preprocessing } from '../core/model/model.ts';
import { messageOf } from '../core/runtime/errors.ts';
import { decodeBmp } from './bmp.ts';
import { DecodeError } from './decode-error.ts';
import { freeBytes } from './free-bytes.ts';
import { checkHeldBytes, isHeldWhole } from './held-memory.ts';
import { makeSerialQueue } from './serial-queue.ts';
import { turnUpright } from './upright.ts';

// One thread a decode: runners and images are what goes on in parallel. Nothing is ever decoded twice.
sharp.cache(false);
sharp.concurrency(1);
// The bytes decide by `sniff` what they are; should libvips read them otherwise, it has no SVG, PDF or other
// loader to do it with. This holds for the whole process.
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({
  operation: ['Jpeg', 'Png', 'Webp', 'Nsgif', 'Tiff', 'Heif'].map((name) => `VipsForeignLoad${name}Buffer`),
});

/** With a shorter side below this, a label is little more than a guess. */
const LOW_RESOLUTION_PIXELS = 96;

export interface DecodeLimits {
  /** Width times height of the image as stored. */
  maxPixels: number;
  /** Time that libvips may compute for one image; whole seconds, rounded up. */
  decodeTimeoutMs: number;
}

export interface DecodedImage {
  /** `cropSize` x `cropSize` x 3 bytes: rows from the top, R G B a pixel, sRGB. */
  pixels: Uint8Array;
  lowResolution: boolean;
}

/**
 * Decodes, turns upright by EXIF, converts to sRGB (embedded profile, CMYK, 16 bit, grey), lays transparency over
 * white, takes the first frame, scales the shortest side and crops the centre as the recipe says.
 * @throws {DecodeError} with the code of the image's outcome.
 */
export async function decodeImage(
  bytes: Uint8Array,
  recipe: Target,
  limits: DecodeLimits,
): Promise<DecodedImage> {
  const format = checkedFormat(bytes);
  try {
    if (format === 'bmp') return await heavy(() => decodeBitmap(bytes, recipe, limits));
    // 'truncated' refuses what is cut off and lets pass what viewers show too, such as bytes after the end. Of a TIFF,
    // what it lets pass includes strips that are not there.
    const failOn = format === 'tiff' ? 'error' : 'truncated';
    const image = sharp(bytes, { failOn, limitInputPixels: limits.maxPixels, pages: 1 });
    if (!isHeldWhole(bytes, format)) return await shrink(image, recipe, limits);
    return await heavy(async () => {
      checkHeldBytes(format, await image.metadata());
      return await shrink(image, recipe, limits);
    });
  } catch (error) {
    throw error instanceof DecodeError ? error : explain(error, format, limits);
  }
}

/** Pictures that are held whole take turns, so that a process holds one at a time, whatever it is given. */
const heavy = makeSerialQueue();

type Target = Pick<Preprocessing, 'resizeShortestSide' | 'cropSize' | 'kernel'>;

async function decodeBitmap(bytes: Uint8Array, recipe: Target, limits: DecodeLimits): Promise<DecodedImage> {
  const { data, width, height } = await decodeBmp(bytes, limits.maxPixels);
  return await shrink(sharp(data, { raw: { width, height, channels: 3 } }), recipe, limits);
}

async function shrink(image: Sharp, recipe: Target, limits: DecodeLimits): Promise<DecodedImage> {
  const { resizeShortestSide: side, cropSize } = recipe;
  const margin = Math.round((side - cropSize) / 2);
  const pipeline = image
    .toColourspace('srgb')
    .flatten({ background: '#ffffff' })
    .resize(side, side, { fit: 'cover', kernel: recipe.kernel })
    .extract({ left: margin, top: margin, width: cropSize, height: cropSize })
    .timeout({ seconds: Math.min(3600, Math.ceil(limits.decodeTimeoutMs / 1000)) })
    .raw();
  // Both are queued to the thread pool at once: while a session runs, the event loop could not start the second.
  const pixels = pipeline.toBuffer({ resolveWithObject: true });
  // Until both have ended, the bytes are read.
  const [header, decoded] = await Promise.allSettled([image.metadata(), pixels]);
  if (header.status === 'rejected') throw header.reason;
  if (decoded.status === 'rejected') throw decoded.reason;
  const { width, height, orientation } = header.value;
  const { data, info } = decoded.value;
  if (info.channels !== 3) {
    throw new DecodeError('unsupported_format', `An image of ${info.channels} channels.`);
  }
  const turned = turnUpright(data, cropSize, orientation);
  if (turned !== data) freeBytes(data);
  return {
    pixels: turned,
    lowResolution: Math.min(width, height) < LOW_RESOLUTION_PIXELS,
  };
}

function checkedFormat(bytes: Uint8Array): ImageFormat {
  const format = imageFormatOf(bytes);
  if (typeof format !== 'string') throw new DecodeError(format.code, format.message);
  return format;
}

/** libvips has no codes, only words. */
function explain(error: unknown, format: ImageFormat, limits: DecodeLimits): DecodeError {
  const message = messageOf(error).split('\n')[0] ?? '';
  const type = format.toUpperCase();
  if (/exceeds pixel limit|out of range|too (large|wide|high)|exceeds.*limit/i.test(message)) {
    return new DecodeError(
      'too_large',
      `The image has more than ${limits.maxPixels} pixels or an extreme shape.`,
    );
  }
  if (/^timeout/i.test(message)) {
    return new DecodeError('deadline', `Decoding took longer than ${limits.decodeTimeoutMs} ms.`);
  }
  if (
    /unsupported|not supported|unimplemented|not implemented|no decoder/i.test(message) &&
    !isGeneric(message)
  ) {
    return new DecodeError('unsupported_format', `A ${type} of an unsupported kind: ${message}`);
  }
  return new DecodeError('truncated', `The ${type} is cut off or damaged: ${message}`);
}

/** What sharp says when the loader of a known type gives up on the header. */
function isGeneric(message: string): boolean {
  return message.includes('contains unsupported image format');
}

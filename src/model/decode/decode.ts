// Decodes an image to the pixels of the model's input.

import sharp, { type Sharp } from 'sharp';
import { type ImageFormat, imageFormatOf } from '../../core/model/image-format.ts';
import type { Preprocessing } from '../../core/model/model.ts';
import { freeBytes } from '../free-bytes.ts';
import { makeSerialQueue } from '../serial-queue.ts';
import { decodeBmp } from './bmp.ts';
import { DecodeError } from './decode-error.ts';
import { type DecodeLimits, explainFailure } from './decode-failure.ts';
import { firstFrameOf } from './first-frame/first-frame.ts';
import { checkHeldBytes, isHeldWhole } from './held-memory.ts';
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

/** If the shorter side is below this, labels are unreliable. */
const LOW_RESOLUTION_PIXELS = 96;

export interface DecodedImage {
  /** `cropSize` x `cropSize` x 3 bytes: rows from the top, R G B a pixel, sRGB. */
  pixels: Uint8Array;
  lowResolution: boolean;
}

/**
 * Decodes the first frame, rotates it by its EXIF orientation, converts it to sRGB (from an embedded profile, CMYK, 16 bit
 * or grey), flattens transparency onto white, then scales the shortest side and crops the centre by the recipe.
 * @throws {DecodeError} with the code of the image's outcome.
 * @throws {MachineFaultError} if this machine could not decode it, which says nothing about the image.
 */
export async function decodeImage(
  bytes: Uint8Array,
  recipe: Target,
  limits: DecodeLimits,
): Promise<DecodedImage> {
  const format = checkedFormat(bytes);
  const cpuBefore = process.cpuUsage();
  try {
    if (format === 'bmp') return await oneAtATime(() => decodeBitmap(bytes, recipe, limits));
    // 'truncated' refuses images that are cut off and accepts what viewers accept, such as bytes after the end. For TIFF it
    // would also accept missing strips.
    const failOn = format === 'tiff' ? 'error' : 'truncated';
    const image = sharp(firstFrameOf(bytes, format), {
      failOn,
      limitInputPixels: limits.maxPixels,
      pages: 1,
    });
    if (!isHeldWhole(bytes, format)) return await shrink(image, recipe, limits);
    return await oneAtATime(async () => {
      checkHeldBytes(format, await image.metadata());
      return await shrink(image, recipe, limits);
    });
  } catch (error) {
    if (error instanceof DecodeError) throw error;
    const { user, system } = process.cpuUsage(cpuBefore);
    throw explainFailure(error, { format, limits, cpuMs: (user + system) / 1000 });
  }
}

/** A process decodes one image at a time of those whose decoder needs the whole image in memory. */
const oneAtATime = makeSerialQueue();

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
  // Queue both to the thread pool at once: while a session runs, the event loop is blocked and could not start the second.
  const pixels = pipeline.toBuffer({ resolveWithObject: true });
  // Wait for both, because each still reads the bytes.
  const [header, decoded] = await Promise.allSettled([image.metadata(), pixels]);
  if (header.status === 'rejected') throw header.reason;
  if (decoded.status === 'rejected') throw decoded.reason;
  const { width, height, orientation } = header.value;
  const { data, info } = decoded.value;
  if (info.channels !== 3) {
    throw new DecodeError('unsupported_format', `Images with ${info.channels} channels are not supported.`);
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

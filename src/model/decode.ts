// Encoded image -> the pixels that the model looks at.

import sharp, { type Sharp } from 'sharp';
import { messageOf } from '../core/errors.ts';
import type { Preprocessing } from '../core/model.ts';
import { decodeBmp } from './bmp.ts';
import { DecodeError } from './decode-error.ts';
import { type ImageFormat, sniff } from './sniff.ts';

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
  recipe: Pick<Preprocessing, 'resizeShortestSide' | 'cropSize' | 'kernel'>,
  limits: DecodeLimits,
): Promise<DecodedImage> {
  const format = formatOf(bytes);
  try {
    const { image, shorterSide } = await open(bytes, format, limits);
    const { resizeShortestSide: side, cropSize } = recipe;
    const margin = Math.round((side - cropSize) / 2);
    const pipeline = image
      .autoOrient()
      .toColourspace('srgb')
      .flatten({ background: '#ffffff' })
      .resize(side, side, { fit: 'cover', kernel: recipe.kernel })
      .extract({ left: margin, top: margin, width: cropSize, height: cropSize })
      .timeout({ seconds: Math.min(3600, Math.ceil(limits.decodeTimeoutMs / 1000)) })
      .raw();
    // Both are queued to the thread pool at once: while a session runs, the event loop could not start the second.
    const [{ data, info }, side0] = await Promise.all([
      pipeline.toBuffer({ resolveWithObject: true }),
      shorterSide,
    ]);
    if (info.channels !== 3) {
      throw new DecodeError('unsupported_format', `An image of ${info.channels} channels.`);
    }
    return { pixels: data, lowResolution: side0 < LOW_RESOLUTION_PIXELS };
  } catch (error) {
    throw error instanceof DecodeError ? error : explain(error, format, limits);
  }
}

function formatOf(bytes: Uint8Array): ImageFormat {
  if (bytes.byteLength === 0) throw new DecodeError('not_an_image', 'The file is empty.');
  const sniffed = sniff(bytes);
  switch (sniffed.kind) {
    case 'image':
      return sniffed.format;
    case 'unsupported':
      throw new DecodeError('unsupported_format', `The file is ${sniffed.name}, which is not supported.`);
    case 'other':
      throw new DecodeError('not_an_image', 'The file is not an image.');
  }
}

/** The image to work on, and the shorter side that it has as stored. */
async function open(
  bytes: Uint8Array,
  format: ImageFormat,
  { maxPixels }: DecodeLimits,
): Promise<{ image: Sharp; shorterSide: Promise<number> | number }> {
  if (format === 'bmp') {
    const { data, width, height } = await decodeBmp(bytes, maxPixels);
    return {
      image: sharp(data, { raw: { width, height, channels: 3 } }),
      shorterSide: Math.min(width, height),
    };
  }
  // 'truncated' refuses what is cut off and lets pass what viewers show too, such as bytes after the end.
  const image = sharp(bytes, { failOn: 'truncated', limitInputPixels: maxPixels, pages: 1 });
  const shorterSide = image.metadata().then(({ width, height }) => Math.min(width, height));
  // The pipeline reports the same fault; alone this must not end the process.
  shorterSide.catch(() => {});
  return { image, shorterSide };
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

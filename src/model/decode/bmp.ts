// Decodes BMP with jimp, because libvips cannot read it.

import { DecodeError } from './decode-error.ts';
import { isShortage } from './decode-failure.ts';

/** Pixels in memory: rows from the top, three bytes (R, G, B) a pixel. */
export interface RgbPixels {
  data: Buffer;
  width: number;
  height: number;
}

/** jimp decodes on the main thread, at about 80 ms a megapixel, and cannot be interrupted: keep it short. */
const MAX_BMP_PIXELS = 32_000_000;

/** jimp makes an object of each colour that the header announces, up to the end of the file: 64 MB become 1.2 GB. */
const MAX_COLOURS = 256;

const CORE_HEADER = 12;
const NO_COMPRESSION = 0;
const BIT_FIELDS = 3;
const ALPHA_BIT_FIELDS = 6;

/**
 * Decodes a BMP. Ignores alpha, as most programs do (it is often zero in all pixels).
 * @throws {DecodeError}
 */
export async function decodeBmp(bytes: Uint8Array, maxPixels: number): Promise<RgbPixels> {
  const { width, height } = checkHeader(bytes, Math.min(maxPixels, MAX_BMP_PIXELS));
  // Load jimp at the first BMP only: it takes 0.4 s and most fleets never need it.
  const { Jimp } = await import('jimp');
  let rgba: Buffer;
  try {
    rgba = (await Jimp.fromBuffer(Buffer.from(bytes))).bitmap.data;
  } catch (error) {
    if (isShortage(error)) throw error;
    throw new DecodeError('truncated', `The BMP is cut off or damaged: ${(error as Error).message}`);
  }
  const data = Buffer.allocUnsafe(width * height * 3);
  for (let from = 0, to = 0; to < data.length; from += 4, to += 3) rgba.copy(data, to, from, from + 3);
  return { data, width, height };
}

/** Refuses, before jimp allocates memory, what is too large and what jimp decodes wrongly (run-length, odd 4-bit rows). */
function checkHeader(bytes: Uint8Array, maxPixels: number): { width: number; height: number } {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (head.length < 54) throw new DecodeError('truncated', 'The BMP ends inside its header.');
  if (head.readUInt32LE(14) <= CORE_HEADER)
    throw new DecodeError('unsupported_format', 'OS/2 BMPs are not supported.');
  const width = head.readInt32LE(18);
  const height = Math.abs(head.readInt32LE(22));
  const bitsPerPixel = head.readUInt16LE(28);
  const compression = head.readUInt32LE(30);
  if (width < 1 || height < 1)
    throw new DecodeError('truncated', `The BMP's header has an invalid size: ${width} x ${height}.`);
  if (width * height > maxPixels) {
    throw new DecodeError(
      'too_large',
      `The BMP has ${width} x ${height} pixels; the limit is ${maxPixels} pixels.`,
    );
  }
  if (![NO_COMPRESSION, BIT_FIELDS, ALPHA_BIT_FIELDS].includes(compression)) {
    throw new DecodeError('unsupported_format', 'Compressed BMPs are not supported.');
  }
  if (![1, 4, 8, 16, 24, 32].includes(bitsPerPixel)) {
    throw new DecodeError('unsupported_format', `BMPs of ${bitsPerPixel} bits a pixel are not supported.`);
  }
  if (bitsPerPixel === 4 && width % 2 === 1) {
    throw new DecodeError('unsupported_format', 'BMPs of 4 bits a pixel and odd width are not supported.');
  }
  const colours = head.readUInt32LE(46);
  if (colours > MAX_COLOURS)
    throw new DecodeError('truncated', `The BMP's header has an invalid number of colours: ${colours}.`);
  const rowBytes = Math.ceil((width * bitsPerPixel) / 32) * 4;
  if (head.length < head.readUInt32LE(10) + rowBytes * height) {
    throw new DecodeError('truncated', 'The BMP is cut off.');
  }
  return { width, height };
}

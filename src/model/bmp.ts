// BMP, which libvips does not read, through jimp.

import { DecodeError } from './decode-error.ts';

/** Pixels of a picture in memory: rows from the top, R G B a pixel. */
export interface RgbPixels {
  data: Buffer;
  width: number;
  height: number;
}

/** jimp decodes on the main thread at about 80 ms a megapixel, and nothing can interrupt it: so it gets little. */
const MAX_BMP_PIXELS = 32_000_000;

/** jimp makes an object of each, up to the end of the file, when a header says so: 64 MB become 1.2 GB. */
const MAX_COLOURS = 256;

const CORE_HEADER = 12;
const NO_COMPRESSION = 0;
const BIT_FIELDS = 3;
const ALPHA_BIT_FIELDS = 6;

/**
 * Decodes a BMP. Alpha is ignored, as most programs do (the field is often zero throughout).
 * @throws {DecodeError}
 */
export async function decodeBmp(bytes: Uint8Array, maxPixels: number): Promise<RgbPixels> {
  const { width, height } = checkHeader(bytes, Math.min(maxPixels, MAX_BMP_PIXELS));
  // Loaded at the first BMP only: it takes 0.4 s and most fleets never see one.
  const { Jimp } = await import('jimp');
  let rgba: Buffer;
  try {
    rgba = (await Jimp.fromBuffer(Buffer.from(bytes))).bitmap.data;
  } catch (error) {
    throw new DecodeError('truncated', `The BMP is cut off or damaged: ${(error as Error).message}`);
  }
  const data = Buffer.allocUnsafe(width * height * 3);
  for (let from = 0, to = 0; to < data.length; from += 4, to += 3) rgba.copy(data, to, from, from + 3);
  return { data, width, height };
}

/** Refuses before jimp allocates anything, and what jimp gets wrong: run-length coding, 4-bit rows of odd width. */
function checkHeader(bytes: Uint8Array, maxPixels: number): { width: number; height: number } {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (head.length < 54) throw new DecodeError('truncated', 'The BMP ends within its header.');
  if (head.readUInt32LE(14) <= CORE_HEADER) throw new DecodeError('unsupported_format', 'An OS/2 BMP.');
  const width = head.readInt32LE(18);
  const height = Math.abs(head.readInt32LE(22));
  const bitsPerPixel = head.readUInt16LE(28);
  const compression = head.readUInt32LE(30);
  if (width < 1 || height < 1) throw new DecodeError('truncated', `The BMP says it is ${width} x ${height}.`);
  if (width * height > maxPixels) {
    throw new DecodeError('too_large', `A BMP of ${width} x ${height}; the limit is ${maxPixels} pixels.`);
  }
  if (![NO_COMPRESSION, BIT_FIELDS, ALPHA_BIT_FIELDS].includes(compression)) {
    throw new DecodeError('unsupported_format', 'A compressed BMP.');
  }
  if (![1, 4, 8, 16, 24, 32].includes(bitsPerPixel) || (bitsPerPixel === 4 && width % 2 === 1)) {
    throw new DecodeError('unsupported_format', `A BMP of ${bitsPerPixel} bits a pixel.`);
  }
  const colours = head.readUInt32LE(46);
  if (colours > MAX_COLOURS) throw new DecodeError('truncated', `The BMP says it has ${colours} colours.`);
  const rowBytes = Math.ceil((width * bitsPerPixel) / 32) * 4;
  if (head.length < head.readUInt32LE(10) + rowBytes * height) {
    throw new DecodeError('truncated', 'The BMP is cut off.');
  }
  return { width, height };
}

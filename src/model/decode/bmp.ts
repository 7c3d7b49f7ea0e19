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

const FILE_HEADER_BYTES = 14;
const CORE_HEADER = 12;
const INFO_HEADER = 40;
/** With masks of the colours, and of alpha. */
const ALPHA_HEADER = 56;
const MASKS_AT = FILE_HEADER_BYTES + INFO_HEADER;

const COMPRESSION = { none: 0, bitFields: 3, alphaBitFields: 6 } as const;
const SUPPORTED_COMPRESSIONS: readonly number[] = Object.values(COMPRESSION);

/** Red, green and blue where a file does not say so. */
const DEFAULT_MASKS: Readonly<Record<number, readonly number[]>> = {
  16: [0x7c00, 0x03e0, 0x001f],
  32: [0xff0000, 0xff00, 0xff],
};
const ALPHA_MASK = 0xff000000;
const HIGHEST_BIT = 0x80000000;

interface BmpHeader {
  headerBytes: number;
  width: number;
  height: number;
  isTopDown: boolean;
  bitsPerPixel: number;
  compression: number;
  colours: number;
  pixelsAt: number;
}

/**
 * Decodes a BMP, with its alpha on white. Where all of it is zero it is ignored: many programs write no other.
 * @throws {DecodeError}
 */
export async function decodeBmp(bytes: Uint8Array, maxPixels: number): Promise<RgbPixels> {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const header = checkedHeader(file, Math.min(maxPixels, MAX_BMP_PIXELS));
  const jimp = await loadJimp();
  let rgba: Buffer;
  try {
    rgba = (await jimp.fromBuffer(asJimpReads(file, header))).bitmap.data;
  } catch (error) {
    if (isShortage(error)) throw error;
    throw new DecodeError('truncated', `The BMP is cut off or damaged: ${(error as Error).message}`);
  }
  const { width, height } = header;
  return { data: onWhite(rgba, alphaOf(file, header)), width, height };
}

/** jimp takes the masks of a long header even if they are not set, and the bytes after the palette for the pixels. */
function asJimpReads(
  file: Buffer,
  { headerBytes, bitsPerPixel, compression, colours, pixelsAt }: BmpHeader,
): Buffer {
  const copy = Buffer.from(file);
  if (headerBytes > INFO_HEADER && compression === COMPRESSION.none)
    for (const [index, mask] of (DEFAULT_MASKS[bitsPerPixel] ?? []).entries())
      copy.writeUInt32LE(mask, MASKS_AT + 4 * index);
  const masks = headerBytes === INFO_HEADER ? (MASKS_BEHIND_HEADER[compression] ?? 0) : 0;
  const paletteColours = bitsPerPixel <= 8 ? colours || 2 ** bitsPerPixel : colours;
  const end = FILE_HEADER_BYTES + headerBytes + 4 * (masks + paletteColours);
  return pixelsAt > end ? Buffer.concat([copy.subarray(0, end), copy.subarray(pixelsAt)]) : copy;
}

/** Of compressions that need masks, if the header is too short for them. */
const MASKS_BEHIND_HEADER: Readonly<Record<number, number>> = {
  [COMPRESSION.bitFields]: 3,
  [COMPRESSION.alphaBitFields]: 4,
};

/** The alpha of each pixel, rows from the top, which jimp drops; undefined if the image has none, or only zeros. */
function alphaOf(file: Buffer, header: BmpHeader): Uint8Array | undefined {
  const { headerBytes, bitsPerPixel, width, height, isTopDown, pixelsAt } = header;
  if (headerBytes < ALPHA_HEADER || bitsPerPixel !== 32) return undefined;
  if (file.readUInt32LE(MASKS_AT + 12) !== ALPHA_MASK) return undefined;
  const alpha = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    const row = pixelsAt + 4 * width * (isTopDown ? y : height - 1 - y);
    for (let x = 0; x < width; x++) alpha[y * width + x] = file[row + 4 * x + 3] as number;
  }
  return alpha.some((value) => value !== 0) ? alpha : undefined;
}

function onWhite(rgba: Buffer, alpha: Uint8Array | undefined): Buffer {
  const data = Buffer.allocUnsafe((3 * rgba.length) / 4);
  for (let from = 0, to = 0; to < data.length; from += 4, to += 3) {
    const opacity = alpha === undefined ? 1 : (alpha[from / 4] as number) / 255;
    for (let channel = 0; channel < 3; channel++)
      data[to + channel] = Math.round(255 + ((rgba[from + channel] as number) - 255) * opacity);
  }
  return data;
}

/** At the first BMP only: it takes 0.2 s, and most fleets never need it. Without the formats and plugins that we do not use. */
async function loadJimp() {
  const [{ createJimp }, { default: bmp }] = await Promise.all([import('jimp'), import('@jimp/js-bmp')]);
  return createJimp({ formats: [bmp] });
}

/** Refuses, before jimp allocates memory, what is too large and what jimp decodes wrongly (run-length, odd 4-bit rows). */
function checkedHeader(file: Buffer, maxPixels: number): BmpHeader {
  if (file.length < MASKS_AT) throw new DecodeError('truncated', 'The BMP ends inside its header.');
  const header: BmpHeader = {
    headerBytes: file.readUInt32LE(14),
    width: file.readInt32LE(18),
    height: Math.abs(file.readInt32LE(22)),
    isTopDown: file.readInt32LE(22) < 0,
    bitsPerPixel: file.readUInt16LE(28),
    compression: file.readUInt32LE(30),
    colours: file.readUInt32LE(46),
    pixelsAt: file.readUInt32LE(10),
  };
  const { headerBytes, width, height, bitsPerPixel } = header;
  if (headerBytes <= CORE_HEADER) throw new DecodeError('unsupported_format', 'OS/2 BMPs are not supported.');
  if (file.length < FILE_HEADER_BYTES + headerBytes)
    throw new DecodeError('truncated', 'The BMP ends inside its header.');
  if (header.compression !== COMPRESSION.none && file.length < MASKS_AT + 16)
    throw new DecodeError('truncated', 'The BMP ends before the masks of its colours.');
  if (width < 1 || height < 1)
    throw new DecodeError('truncated', `The BMP's header has an invalid size: ${width} x ${height}.`);
  if (width * height > maxPixels) {
    throw new DecodeError(
      'too_large',
      `The BMP has ${width} x ${height} pixels; the limit is ${maxPixels} pixels.`,
    );
  }
  const kind = unsupportedKind(file, header);
  if (kind !== undefined) throw new DecodeError('unsupported_format', `${kind} are not supported.`);
  if (header.colours > MAX_COLOURS)
    throw new DecodeError(
      'truncated',
      `The BMP's header has an invalid number of colours: ${header.colours}.`,
    );
  const rowBytes = Math.ceil((width * bitsPerPixel) / 32) * 4;
  if (file.length < header.pixelsAt + rowBytes * height) {
    throw new DecodeError('truncated', 'The BMP is cut off.');
  }
  return header;
}

function unsupportedKind(
  file: Buffer,
  { headerBytes, width, bitsPerPixel, compression }: BmpHeader,
): string | undefined {
  if (headerBytes === 16 || headerBytes === 64) return 'OS/2 BMPs';
  if (!SUPPORTED_COMPRESSIONS.includes(compression)) return 'Compressed BMPs';
  if (![1, 4, 8, 16, 24, 32].includes(bitsPerPixel)) return `BMPs of ${bitsPerPixel} bits a pixel`;
  if (bitsPerPixel === 4 && width % 2 === 1) return 'BMPs of 4 bits a pixel and odd width';
  const masks =
    compression === COMPRESSION.none ? [] : [0, 4, 8].map((at) => file.readUInt32LE(MASKS_AT + at));
  // jimp takes a mask with the highest bit for a negative number.
  if (masks.some((mask) => mask === 0 || mask >= HIGHEST_BIT)) return 'BMPs with such masks of colours';
  return undefined;
}

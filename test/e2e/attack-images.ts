// Generated hostile images: their headers contradict their data.

import { constants, crc32, deflateRawSync } from 'node:zlib';

/** Just under the default limit of 150 million pixels, as a square. */
export const SIDE_AT_LIMIT = 12_240;

const u8 = (...values: number[]) => Buffer.from(values);
const u16 = (value: number) => u8(value >> 8, value & 255);
const u32 = (value: number) => Buffer.concat([u16(value >>> 16), u16(value & 0xffff)]);
const u16le = (value: number): Buffer => u16(value).reverse();
const u32le = (value: number): Buffer => u32(value >>> 0).reverse();
const ascii = (text: string) => Buffer.from(text, 'latin1');

/** A zlib stream of zero bytes, built from one repeated block, without holding the bytes in memory. */
export function zeroBomb(bytes: number): Buffer {
  const block = 1024 * 1024;
  const flushed = deflateRawSync(Buffer.alloc(block), { level: 9, finishFlush: constants.Z_FULL_FLUSH });
  const blocks = Array<Buffer>(Math.floor(bytes / block)).fill(flushed);
  const rest = deflateRawSync(Buffer.alloc(bytes % block), { level: 9 });
  // Adler-32 of zeros: the low half stays 1 and the high half counts them.
  const checksum = Buffer.concat([u16(bytes % 65_521), u16(1)]);
  return Buffer.concat([u8(0x78, 0xda), ...blocks, rest, checksum]);
}

export function pngChunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([ascii(type), data]);
  return Buffer.concat([u32(data.length), body, u32(crc32(body))]);
}

export const PNG_SIGNATURE = ascii('\x89PNG\r\n\x1a\n');
const PNG_COLOUR = { grey: 0, rgb: 2, rgba: 6 };
const PNG_SAMPLES = { grey: 1, rgb: 3, rgba: 4 };

interface PngOptions {
  width: number;
  height: number;
  depth?: number;
  colour?: keyof typeof PNG_COLOUR;
  interlaced?: boolean;
  /** Rows in the data, if fewer than `height`. */
  rows?: number;
  /** Chunks before the pixels. */
  before?: Buffer[];
}

/** A black PNG. Its pixels compress to a thousandth of their size. */
export function blackPng(options: PngOptions): Buffer {
  const { width, height, depth = 8, colour = 'grey', interlaced = false, before = [] } = options;
  const header = Buffer.concat([
    u32(width),
    u32(height),
    u8(depth, PNG_COLOUR[colour], 0, 0, interlaced ? 1 : 0),
  ]);
  const rowBytes = Math.ceil((width * depth * PNG_SAMPLES[colour]) / 8) + 1;
  // Interlacing splits rows over seven passes, each row with a filter byte: at most twice as many rows in total.
  const bytes = rowBytes * (options.rows ?? height) + (interlaced ? 4 * height : 0);
  return Buffer.concat([
    PNG_SIGNATURE,
    pngChunk('IHDR', header),
    ...before,
    pngChunk('IDAT', zeroBomb(bytes)),
    pngChunk('IEND', Buffer.alloc(0)),
  ]);
}

const small = { width: 120, height: 120 };

/** A small PNG with chunks before its pixels. */
export const pngWith = (...before: Buffer[]) => blackPng({ ...small, before });

export const compressedChunk = {
  iCCP: (bytes: number) => pngChunk('iCCP', Buffer.concat([ascii('bomb\0\0'), zeroBomb(bytes)])),
  zTXt: (bytes: number) => pngChunk('zTXt', Buffer.concat([ascii('Comment\0\0'), zeroBomb(bytes)])),
  iTXt: (bytes: number) => pngChunk('iTXt', Buffer.concat([ascii('Comment\0\x01\0\0\0'), zeroBomb(bytes)])),
};

const jpegSegment = (marker: number, data: Buffer) =>
  Buffer.concat([u8(0xff, marker), u16(data.length + 2), data]);

/** A JPEG with segments inserted after its start marker. */
export const jpegWith = (jpeg: Buffer, ...segments: Buffer[]) =>
  Buffer.concat([jpeg.subarray(0, 2), ...segments, jpeg.subarray(2)]);

export const exifSegment = (tiff: Buffer) => jpegSegment(0xe1, Buffer.concat([ascii('Exif\0\0'), tiff]));
export const iccSegment = (part: number, of: number, profile: Buffer) =>
  jpegSegment(0xe2, Buffer.concat([ascii('ICC_PROFILE\0'), u8(part, of), profile]));

/** A JPEG whose frame header has another size. */
export function jpegSized(jpeg: Buffer, width: number, height: number): Buffer {
  const lying = Buffer.from(jpeg);
  for (let at = 2; at < lying.length; at += 2 + lying.readUInt16BE(at + 2)) {
    const marker = lying[at + 1] ?? 0;
    if (marker < 0xc0 || marker > 0xc2) continue;
    lying.writeUInt16BE(height, at + 5);
    lying.writeUInt16BE(width, at + 7);
    return lying;
  }
  throw new Error('The JPEG has no frame header.');
}

/** A Huffman table with one code, the bit `0`, for `symbol`. */
const huffmanTable = (kind: number, symbol: number) =>
  jpegSegment(0xc4, Buffer.concat([u8(kind, 1), Buffer.alloc(15), u8(symbol)]));

/** A run of 16,384 to 32,767 empty blocks in progressive coding. */
const LONGEST_RUN = 0xe0;
const RUN_BLOCKS = 32_767;

/** Packs bits into bytes and pads the last byte with ones. The bits must not form a byte 0xff. */
function bits(text: string): Buffer {
  const padded = text.padEnd(Math.ceil(text.length / 8) * 8, '1');
  const bytes: number[] = [];
  for (let at = 0; at < padded.length; at += 8) {
    const byte = Number.parseInt(padded.slice(at, at + 8), 2);
    bytes.push(byte, ...(byte === 0xff ? [0] : []));
  }
  return Buffer.from(bytes);
}

/** A grey progressive JPEG with many scans of all its pixels, each of a few bytes. */
export function manyScansJpeg({ side, scans }: { side: number; scans: number }): Buffer {
  const blocks = Math.ceil(side / 8) ** 2;
  const scanHeader = (from: number, to: number, approximation: number) =>
    jpegSegment(0xda, u8(1, 1, 0, from, to, approximation));
  const tail = blocks % RUN_BLOCKS;
  const runs = `0${'1'.repeat(14)}`.repeat(Math.floor(blocks / RUN_BLOCKS));
  // The last run is longer than the remaining blocks; the end of the scan cuts it.
  const empty = Buffer.concat([scanHeader(1, 63, 0), bits(tail === 0 ? runs : `${runs}0${'1'.repeat(14)}`)]);
  return Buffer.concat([
    u8(0xff, 0xd8),
    jpegSegment(0xdb, Buffer.concat([u8(0), Buffer.alloc(64, 1)])),
    jpegSegment(0xc2, Buffer.concat([u8(8), u16(side), u16(side), u8(1, 1, 0x11, 0)])),
    huffmanTable(0x00, 0),
    huffmanTable(0x10, LONGEST_RUN),
    scanHeader(0, 0, 0),
    Buffer.alloc(Math.ceil(blocks / 8)),
    ...Array<Buffer>(scans).fill(empty),
    u8(0xff, 0xd9),
  ]);
}

const GIF_TRAILER = u8(0x3b);
/** One encoded black pixel. */
const GIF_PIXEL = u8(2, 2, 0x44, 1, 0);

interface GifOptions {
  width: number;
  height: number;
  frames: number;
  trailer?: boolean;
}

/** A GIF of one-pixel frames on a screen of any size. */
export function gif({ width, height, frames, trailer = true }: GifOptions): Buffer {
  const screen = Buffer.concat([u16le(width), u16le(height), u8(0x80, 0, 0)]);
  const palette = u8(0, 0, 0, 255, 255, 255);
  const frame = Buffer.concat([
    u8(0x21, 0xf9, 4, 0, 1, 0, 0, 0),
    u8(0x2c),
    Buffer.alloc(4),
    u16le(1),
    u16le(1),
    u8(0),
    GIF_PIXEL,
  ]);
  const all = Array<Buffer>(frames).fill(frame);
  return Buffer.concat([ascii('GIF89a'), screen, palette, ...all, ...(trailer ? [GIF_TRAILER] : [])]);
}

export type TiffTag = [tag: number, type: 'short' | 'long', values: number[]];

/** A little-endian TIFF with one directory. `next` is the offset that it gives for the next one. */
export function tiff(tags: TiffTag[], { next = 0, data = Buffer.alloc(0) as Buffer } = {}): Buffer {
  const from = 8 + 2 + 12 * tags.length + 4;
  let beside: Buffer = data;
  const entries = tags.map(([tag, type, values]) => {
    const coded = Buffer.concat(values.map(type === 'short' ? u16le : u32le));
    const head = Buffer.concat([u16le(tag), u16le(type === 'short' ? 3 : 4), u32le(values.length)]);
    if (coded.length <= 4) return Buffer.concat([head, coded, Buffer.alloc(4 - coded.length)]);
    const at = from + beside.length;
    beside = Buffer.concat([beside, coded]);
    return Buffer.concat([head, u32le(at)]);
  });
  return Buffer.concat([ascii('II*\0'), u32le(8), u16le(tags.length), ...entries, u32le(next), beside]);
}

/** Tags of a grey image in one strip. */
export function greyTiffTags(width: number, height: number, compression = 1): TiffTag[] {
  return [
    [256, 'long', [width]],
    [257, 'long', [height]],
    [258, 'short', [8]],
    [259, 'short', [compression]],
    [262, 'short', [1]],
    [273, 'long', [200]],
    [277, 'short', [1]],
    [278, 'long', [height]],
    [279, 'long', [width * height]],
  ];
}

/** A TIFF with one strip of deflated zeros. */
export function deflatedTiff(side: number): Buffer {
  const bomb = zeroBomb(side * side);
  const tags = greyTiffTags(side, side, 8).map((tag): TiffTag => {
    if (tag[0] === 273) return [273, 'long', [8 + 2 + 12 * 9 + 4]];
    return tag[0] === 279 ? [279, 'long', [bomb.length]] : tag;
  });
  return tiff(tags, { data: bomb });
}

/** An AVIF or HEIC whose header has another size. */
export function heifSized(file: Buffer, width: number, height: number): Buffer {
  const lying = Buffer.from(file);
  const at = lying.indexOf('ispe');
  lying.writeUInt32BE(width, at + 8);
  lying.writeUInt32BE(height, at + 12);
  return lying;
}

interface BmpOptions {
  width: number;
  height: number;
  bitsPerPixel?: number;
  colours?: number;
  /** Offset of the pixels in the file. */
  offset?: number;
  body?: Buffer;
}

export function bmp(options: BmpOptions): Buffer {
  const { width, height, bitsPerPixel = 24, colours = 0, offset = 54, body = Buffer.alloc(0) } = options;
  return Buffer.concat([
    ascii('BM'),
    u32le(54 + body.length),
    u32le(0),
    u32le(offset),
    u32le(40),
    u32le(width),
    u32le(height),
    u16le(1),
    u16le(bitsPerPixel),
    u32le(0),
    u32le(0),
    u32le(2835),
    u32le(2835),
    u32le(colours),
    u32le(0),
    body,
  ]);
}

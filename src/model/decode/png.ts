// Reads the chunks of a PNG before its pixels.

import { inflateSync } from 'node:zlib';
import { tiffOrientation } from './tiff.ts';

export interface PngHeader {
  /** A variant of Apple's, made for its phones: colours in another order, and no zlib header. */
  isApple: boolean;
  /** EXIF orientation in a text of ImageMagick; libvips knows only that of the standard chunk. */
  orientation?: number;
}

const SIGNATURE_BYTES = 8;
const CHUNK_HEADER_BYTES = 8;
const CHECKSUM_BYTES = 4;
/** Chunks before the pixels. ImageMagick writes some twenty. */
const MAX_CHUNKS = 200;

/** Keywords under which ImageMagick and exiftool keep EXIF. */
const EXIF_KEYWORD = /^Raw profile type (?:exif|APP1)\0/;
/** EXIF with a preview has at most 64 KiB, and twice as many characters in hexadecimal. */
const MAX_TEXT_BYTES = 256 * 1024;

export function pngHeader(bytes: Uint8Array): PngHeader {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const header: PngHeader = { isApple: false };
  let at = SIGNATURE_BYTES;
  for (let chunk = 0; chunk < MAX_CHUNKS && at + CHUNK_HEADER_BYTES <= file.length; chunk++) {
    const length = file.readUInt32BE(at);
    const type = file.toString('latin1', at + 4, at + CHUNK_HEADER_BYTES);
    const data = file.subarray(at + CHUNK_HEADER_BYTES, at + CHUNK_HEADER_BYTES + length);
    if (type === 'IDAT') break;
    if (type === 'CgBI') header.isApple = true;
    const exif = exifOf(type, data);
    if (exif !== undefined) header.orientation = tiffOrientation(exif);
    at += CHUNK_HEADER_BYTES + length + CHECKSUM_BYTES;
  }
  return header;
}

/** The TIFF structure of EXIF that is written as a text: the name, the number of bytes, and the bytes in hexadecimal. */
function exifOf(type: string, data: Buffer): Buffer | undefined {
  if (type !== 'zTXt' && type !== 'tEXt') return undefined;
  const [keyword] = EXIF_KEYWORD.exec(data.toString('latin1', 0, 40)) ?? [];
  if (keyword === undefined) return undefined;
  const text = type === 'tEXt' ? data.subarray(keyword.length) : inflated(data.subarray(keyword.length + 1));
  const hex = text.toString('latin1', 0, MAX_TEXT_BYTES).replace(/^\s*\w+\s+\d+\s/, '');
  const exif = Buffer.from(hex.replace(/\s/g, ''), 'hex');
  return exif.toString('latin1', 0, 6) === 'Exif\0\0' ? exif.subarray(6) : exif;
}

function inflated(data: Buffer): Buffer {
  try {
    return inflateSync(data, { maxOutputLength: MAX_TEXT_BYTES });
  } catch {
    return Buffer.alloc(0);
  }
}

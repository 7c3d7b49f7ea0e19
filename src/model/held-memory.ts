// What a decoder must hold of a picture at once. A few bytes of file can ask for gigabytes.

import type { Metadata } from 'sharp';
import type { ImageFormat } from '../core/model/image-format.ts';
import { DecodeError } from './decode-error.ts';
import { hasSeveralPasses } from './jpeg.ts';

/** More than this for one picture, and a machine of common size may have none left for the others. */
const MAX_HELD_BYTES = 2 ** 30;

/** Where the byte is that says whether a PNG is interlaced: behind the signature, in its first chunk. */
const PNG_INTERLACE_BYTE = 28;

/**
 * Whether the decoder holds the whole picture; else it holds some rows.
 * @throws {DecodeError}
 */
export function isHeldWhole(bytes: Uint8Array, format: ImageFormat): boolean {
  if (format === 'jpeg') return hasSeveralPasses(bytes);
  if (format === 'png') return bytes[PNG_INTERLACE_BYTE] !== 0;
  return true;
}

/** Refuses a picture whose decoder would hold too much. @throws {DecodeError} */
export function checkHeldBytes(format: ImageFormat, metadata: Metadata): void {
  const { width, height } = metadata;
  const bytes = width * height * heldBytesPerPixel(format, metadata);
  if (bytes <= MAX_HELD_BYTES) return;
  const needs = `${Math.ceil(bytes / 2 ** 20)} MiB to decode; the limit is ${MAX_HELD_BYTES / 2 ** 20} MiB`;
  throw new DecodeError('too_large', `A ${format.toUpperCase()} of ${width} x ${height} needs ${needs}.`);
}

/** At most; as measured where the library keeps copies of its own. */
function heldBytesPerPixel(format: ImageFormat, { channels, depth }: Metadata): number {
  switch (format) {
    case 'jpeg':
      // Coefficients of 16 bits.
      return 2 * channels;
    case 'gif':
    case 'webp':
      return 5;
    case 'avif':
      return 24;
    default:
      return channels * sampleBytes(depth);
  }
}

function sampleBytes(depth: Metadata['depth']): number {
  if (depth === 'uchar' || depth === 'char') return 1;
  if (depth === 'ushort' || depth === 'short') return 2;
  return depth === 'double' || depth === 'complex' ? 8 : depth === 'dpcomplex' ? 16 : 4;
}

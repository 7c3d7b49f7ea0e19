// How much memory a decoder needs for an image. A file of a few bytes can require gigabytes.

import type { Metadata } from 'sharp';
import type { ImageFormat } from '../../core/model/image-format.ts';
import { DecodeError } from './decode-error.ts';
import { hasSeveralPasses } from './jpeg.ts';

/** The limit for one image: with more, a machine of common size may run out of memory for the others. */
export const MAX_HELD_BYTES = 2 ** 30;

/** Offsets in a PNG, after the signature, in the first chunk: its sides, and the byte that marks it as interlaced. */
const PNG_WIDTH = 16;
const PNG_HEIGHT = 20;
const PNG_INTERLACE_BYTE = 28;

/**
 * libvips keeps up to 2,000 rows of an image that it decodes row by row. With this many columns of 16-bit RGBA they have
 * 1 GB, and in wider images more. To scale millions of rows takes as much. A JPEG is never larger.
 */
const MAX_STREAMED_SIDE = 65_535;

/**
 * Whether the decoder needs the whole image in memory, not only some rows.
 * @throws {DecodeError}
 */
export function isHeldWhole(bytes: Uint8Array, format: ImageFormat): boolean {
  if (format === 'jpeg') return hasSeveralPasses(bytes);
  if (format === 'png') return bytes[PNG_INTERLACE_BYTE] !== 0 || longerSideOfPng(bytes) > MAX_STREAMED_SIDE;
  return true;
}

function longerSideOfPng({ buffer, byteOffset }: Uint8Array): number {
  const view = new DataView(buffer, byteOffset);
  return Math.max(view.getUint32(PNG_WIDTH), view.getUint32(PNG_HEIGHT));
}

/** Refuses an image whose decoder would need too much memory. @throws {DecodeError} */
export function checkHeldBytes(format: ImageFormat, metadata: Metadata): void {
  const { width, height } = metadata;
  const bytes = width * height * heldBytesPerPixel(format, metadata);
  if (bytes <= MAX_HELD_BYTES) return;
  const needs = `${Math.ceil(bytes / 2 ** 20)} MiB of memory; the limit is ${MAX_HELD_BYTES / 2 ** 20} MiB`;
  const kind = `${format.toUpperCase()} of ${width} x ${height} pixels`;
  throw new DecodeError('too_large', `Decoding a ${kind} needs ${needs}.`);
}

/** An upper bound; measured for libraries that keep copies of their own. */
function heldBytesPerPixel(format: ImageFormat, { channels, depth }: Metadata): number {
  switch (format) {
    case 'jpeg':
      // 16-bit coefficients.
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

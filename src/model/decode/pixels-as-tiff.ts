// Wraps pixels as an uncompressed TIFF, because sharp takes no colour profile with raw pixels.

import { tiffHeader } from './tiff-writer.ts';

export interface PixelLayout {
  width: number;
  height: number;
  /** Red, green, blue, and alpha as the fourth. */
  channels: 3 | 4;
  /** An ICC profile. */
  profile?: Uint8Array | undefined;
}

/** The reader holds one strip in memory. */
const ROWS_PER_STRIP = 16;

/** Of TIFF: the fourth channel is transparency, and colours are not multiplied with it. */
const UNASSOCIATED_ALPHA = 2;

/** A TIFF file with room for its pixels, which are to be copied into `pixels`: rows from the top, without padding. */
export function makeTiff(layout: PixelLayout): { file: Uint8Array<ArrayBuffer>; pixels: Uint8Array } {
  const { width, height, channels, profile } = layout;
  const strips = Math.ceil(height / ROWS_PER_STRIP);
  const stripBytes = width * channels * ROWS_PER_STRIP;
  const pixelBytes = width * height * channels;
  const offsets = Array.from({ length: strips }, (_, strip) => strip * stripBytes);
  const header = tiffHeader((dataAt) => [
    [256, 'long', [width]],
    [257, 'long', [height]],
    [258, 'short', Array(channels).fill(8)],
    [259, 'short', [1]],
    [262, 'short', [2]],
    [273, 'long', offsets.map((offset) => dataAt + offset)],
    [277, 'short', [channels]],
    [278, 'long', [ROWS_PER_STRIP]],
    [279, 'long', offsets.map((offset) => Math.min(stripBytes, pixelBytes - offset))],
    ...(channels === 4 ? [[338, 'short', [UNASSOCIATED_ALPHA]] as const] : []),
    ...(profile === undefined ? [] : [[34675, 'undefined', profile] as const]),
  ]);
  const file = new Uint8Array(header.length + pixelBytes);
  file.set(header);
  return { file, pixels: file.subarray(header.length) };
}

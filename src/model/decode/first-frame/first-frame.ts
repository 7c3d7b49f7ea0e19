// Cuts an animation to its first frames, before any library reads it: libraries walk all of them in the header, some in
// quadratic time, where no timeout reaches. 8 MB of frames of one pixel took minutes.

import type { ImageFormat } from '../../../core/model/image-format.ts';
import { firstFramesOfGif } from './gif.ts';
import { stillOfHeif } from './heif.ts';
import { firstFramesOfWebp } from './webp.ts';

/** Formats of animations of which a further frame can be decoded. */
export const hasFrames = (format: ImageFormat): boolean => format === 'gif' || format === 'webp';

/** The same bytes if the image has no further frames, or if one is cut off or damaged: the decoder says how. */
export function firstFramesOf(bytes: Uint8Array, format: ImageFormat, count: number): Uint8Array {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (format) {
    case 'avif':
    case 'heic':
      return stillOfHeif(file, format) ?? bytes;
    case 'gif':
      return firstFramesOfGif(file, count) ?? bytes;
    case 'webp':
      return firstFramesOfWebp(file, count) ?? bytes;
    default:
      return bytes;
  }
}

// Cuts an image with frames or pages to its first one, before any library reads it: libraries walk all of them in the
// header, some in quadratic time, where no timeout reaches. 8 MB of frames of one pixel took minutes.

import type { ImageFormat } from '../../../core/model/image-format.ts';
import { stillOfAvif } from './avif.ts';
import { firstFrameOfGif } from './gif.ts';
import { firstPageOfTiff } from './tiff.ts';
import { firstFrameOfWebp } from './webp.ts';

/** The same bytes if the image has one frame only, or if the first one is cut off or damaged: the decoder says how. */
export function firstFrameOf(bytes: Uint8Array, format: ImageFormat): Uint8Array {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (format) {
    case 'avif':
      return stillOfAvif(file) ?? bytes;
    case 'gif':
      return firstFrameOfGif(file) ?? bytes;
    case 'tiff':
      return firstPageOfTiff(file) ?? bytes;
    case 'webp':
      return firstFrameOfWebp(file) ?? bytes;
    default:
      return bytes;
  }
}

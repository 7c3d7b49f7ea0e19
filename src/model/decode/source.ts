// Selects what of a file is decoded, from its structure and before any decoder reads it.

import { type ImageFormat, imageFormatOf } from '../../core/model/image-format.ts';
import { isCameraRaw, largestPreview, rawOrientation } from './camera-raw.ts';
import { DecodeError } from './decode-error.ts';
import { firstFramesOf } from './first-frame/first-frame.ts';
import { isHeldWhole } from './held-memory.ts';
import { pngHeader } from './png.ts';
import { onlyTiffImage, type TiffImage, tiffImages } from './tiff.ts';
import { checkTiffKind, hasForeignChannel, isMeasured } from './tiff-support.ts';

/** The image of a file that is decoded. */
export interface ImageSource {
  format: Exclude<ImageFormat, 'raw'>;
  bytes: Uint8Array;
  /** The decoder needs the whole image in memory, not only some rows. */
  isHeldWhole: boolean;
  /** Index of the frame in `bytes`. */
  frame?: number;
  /** EXIF orientation, if the decoder finds none. */
  orientation?: number;
  /** A sample beyond the colours is no transparency. */
  dropsLastChannel?: boolean;
  /** The samples are measured values of any range. */
  isMeasured?: boolean;
  /** The share of the image's rows that are in the file, if it is known before the decode. */
  presentShare?: number;
  /** The JPEG that a camera embedded in its raw file. */
  isPreview?: boolean;
}

/** @throws {DecodeError} `not_an_image` or `unsupported_format`. */
export function imageSourceOf(bytes: Uint8Array): ImageSource {
  const format = imageFormatOf(bytes);
  if (typeof format !== 'string') throw new DecodeError(format.code, format.message);
  switch (format) {
    case 'raw':
      return previewOf(bytes);
    case 'tiff':
      return tiffSource(bytes);
    case 'png':
      return pngSource(bytes);
    default:
      return whole(format, firstFramesOf(bytes, format, 1));
  }
}

function pngSource(bytes: Uint8Array): ImageSource {
  const { isApple, orientation } = pngHeader(bytes);
  if (isApple)
    throw new DecodeError('unsupported_format', "PNGs in Apple's variant for iOS (CgBI) are not supported.");
  return { ...whole('png', bytes), orientation: orientation ?? 1 };
}

function tiffSource(bytes: Uint8Array): ImageSource {
  const images = tiffImages(bytes);
  if (isCameraRaw(images)) return previewOf(bytes);
  const image = largestOf(images.filter(({ isReduced }) => !isReduced)) ?? images[0];
  if (image === undefined) throw new DecodeError('truncated', 'The TIFF ends before it describes an image.');
  checkTiffKind(image);
  return {
    ...whole('tiff', onlyTiffImage(bytes, image)),
    dropsLastChannel: hasForeignChannel(image),
    isMeasured: isMeasured(image),
    presentShare: image.presentShare(),
  };
}

function previewOf(bytes: Uint8Array): ImageSource {
  const preview = largestPreview(bytes);
  if (preview === undefined)
    throw new DecodeError(
      'unsupported_format',
      'The file is camera raw without a preview that is large enough.',
    );
  return { ...whole('jpeg', preview), orientation: rawOrientation(bytes), isPreview: true };
}

const whole = (format: ImageSource['format'], bytes: Uint8Array): ImageSource => ({
  format,
  bytes,
  isHeldWhole: isHeldWhole(bytes, format),
});

/** The first one of those with the most pixels. */
function largestOf(images: readonly TiffImage[]): TiffImage | undefined {
  let largest: TiffImage | undefined;
  for (const image of images) {
    if (largest === undefined || image.width * image.height > largest.width * largest.height) largest = image;
  }
  return largest;
}

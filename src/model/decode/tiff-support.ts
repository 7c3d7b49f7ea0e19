// Which kinds of TIFF the decoder shows as they are. It makes others black, white or torn without a word.

import { DecodeError } from './decode-error.ts';
import { FLOAT_SAMPLES, type TiffImage } from './tiff.ts';

/** Uncompressed, CCITT, LZW, JPEG, Deflate (new and old) and PackBits. */
const SUPPORTED_COMPRESSIONS = new Set([1, 2, 3, 4, 5, 7, 8, 32946, 32773]);
const COMPRESSION_NAMES: Readonly<Record<number, string>> = {
  6: 'old-style JPEG',
  34661: 'JBIG',
  34676: 'SGI LogLuv',
  34677: 'SGI LogLuv',
  34712: 'JPEG 2000',
  34887: 'LERC',
  34925: 'LZMA',
  50000: 'ZSTD',
  50001: 'WebP',
  50002: 'JPEG XL',
  52546: 'JPEG XL',
};
const JPEG_COMPRESSION = 7;

/** Colours by photometric interpretation: grey (white or black first), RGB, palette, CMYK, YCbCr. */
const COLOURS: Readonly<Record<number, number>> = { 0: 1, 1: 1, 2: 3, 3: 1, 5: 4, 6: 3 };
const BLACK_IS_ZERO = 1;
const YCBCR = 6;
const LAB = new Set([8, 9, 10]);
/** Associated alpha, and alpha. Any other further sample is a channel of its own, such as infrared or a selection. */
const ALPHA = new Set([1, 2]);

const UNSIGNED = 1;
const SIGNED = 2;

/** @throws {DecodeError} `unsupported_format` with the reason. */
export function checkTiffKind(image: TiffImage): void {
  const kind = unsupportedKind(image);
  if (kind !== undefined) throw new DecodeError('unsupported_format', `TIFFs ${kind} are not supported.`);
}

/** Whether a sample beyond the colours is something else than transparency. */
export function hasForeignChannel({ photometric, samples, extraSample }: TiffImage): boolean {
  return samples > (COLOURS[photometric] ?? samples) && !ALPHA.has(extraSample);
}

/** Whether the samples are measured values, of which the smallest is shown as black and the largest as white. */
export function isMeasured({ photometric, samples, bits, sampleFormat }: TiffImage): boolean {
  return (
    photometric === BLACK_IS_ZERO &&
    samples === 1 &&
    ((sampleFormat === FLOAT_SAMPLES && bits === 32) ||
      (sampleFormat === UNSIGNED && bits === 32) ||
      (sampleFormat === SIGNED && [8, 16, 32].includes(bits)))
  );
}

function unsupportedKind(image: TiffImage): string | undefined {
  const { compression, photometric, samples } = image;
  const colours = COLOURS[photometric];
  if (!SUPPORTED_COMPRESSIONS.has(compression))
    return `with ${COMPRESSION_NAMES[compression] ?? `compression ${compression}`}`;
  if (LAB.has(photometric)) return 'in the colour space Lab';
  if (colours === undefined && photometric >= 0) return `with photometric interpretation ${photometric}`;
  if (photometric === YCBCR && compression !== JPEG_COMPRESSION && !image.isSubsampled)
    return 'in the colour space YCbCr without JPEG';
  if (image.isTiled && image.isPlanar && samples > 1) return 'of tiles with separate planes';
  if (colours !== undefined && samples > colours + 1) return `of ${samples} channels`;
  return isMeasured(image) ? undefined : unsupportedSamples(image);
}

function unsupportedSamples({ bits, sampleFormat, photometric, samples }: TiffImage): string | undefined {
  if (sampleFormat === FLOAT_SAMPLES && bits === 32 && photometric !== BLACK_IS_ZERO && samples >= 3)
    return undefined;
  // Programs that know no other format write 4 for samples without one.
  const isUnsigned = sampleFormat !== SIGNED && sampleFormat !== FLOAT_SAMPLES;
  if (isUnsigned && [1, 2, 4, 8, 16].includes(bits)) return undefined;
  const format = sampleFormat === FLOAT_SAMPLES ? 'floating-point' : isUnsigned ? 'unsigned' : 'signed';
  return `of ${bits}-bit ${format} samples`;
}

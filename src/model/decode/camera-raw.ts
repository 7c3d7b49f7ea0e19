// Camera raw files hold what the sensor saw, and a JPEG for the display of the camera. That JPEG is classified.

import { jpegFrameAt } from './jpeg.ts';
import { type TiffImage, tiffOrientation } from './tiff.ts';

/** A preview that is smaller on its shorter side is a thumbnail: its label would be a guess. */
const MIN_PREVIEW_PIXELS = 240;

/** Cameras embed up to four JPEGs; more are hits by chance in the data of the sensor, or an attack. */
const MAX_JPEGS = 1000;

const JPEG_START = Buffer.of(0xff, 0xd8, 0xff);

/** The largest JPEG in the file that is no thumbnail. Makers put it in places of their own, so it is found by its content. */
export function largestPreview(bytes: Uint8Array): Uint8Array | undefined {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let best: { at: number; pixels: number } | undefined;
  for (let at = file.indexOf(JPEG_START), jpegs = 0; at >= 0 && jpegs < MAX_JPEGS; jpegs++) {
    const frame = jpegFrameAt(file, at);
    // A sensor's data is coded as lossless JPEG of two samples or four.
    if (
      frame !== undefined &&
      !frame.isLossless &&
      Math.min(frame.width, frame.height) >= MIN_PREVIEW_PIXELS
    ) {
      const pixels = frame.width * frame.height;
      if (pixels > (best?.pixels ?? 0)) best = { at, pixels };
    }
    at = file.indexOf(JPEG_START, at + JPEG_START.length);
  }
  return best && file.subarray(best.at);
}

/** Canon's current files are ISO media; this box of them has the EXIF of the photograph. */
const CANON_EXIF = Buffer.from('CMT1', 'latin1');

/** The EXIF orientation of a camera raw file: most previews have none of their own. */
export function rawOrientation(bytes: Uint8Array): number {
  const box = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).indexOf(CANON_EXIF);
  return tiffOrientation(box < 0 ? bytes : bytes.subarray(box + CANON_EXIF.length));
}

const PHOTOMETRIC = { colourFilterArray: 32803, linearRaw: 34892 } as const;
/** Compressions of Nikon, Sony, Pentax, Samsung, Kodak and Epson. */
const RAW_COMPRESSIONS = new Set([34713, 32767, 65535, 32770, 65000, 32769]);

/** Whether a TIFF is the raw file of a camera. All makers but Canon, Fujifilm and a few more write TIFF. */
export function isCameraRaw(images: readonly TiffImage[]): boolean {
  return (
    images.some(
      ({ photometric, compression, isDng }) =>
        isDng ||
        photometric === PHOTOMETRIC.colourFilterArray ||
        photometric === PHOTOMETRIC.linearRaw ||
        RAW_COMPRESSIONS.has(compression),
    ) || hasSensorBesideThumbnail(images)
  );
}

/** A small picture in colour, and a large one with one sample of more than 8 bits a pixel: a sensor without its name. */
function hasSensorBesideThumbnail([first, ...others]: readonly TiffImage[]): boolean {
  return (
    first?.isReduced === true &&
    first.samples >= 3 &&
    others.some((image) => !image.isReduced && image.samples === 1 && image.bits > 8)
  );
}

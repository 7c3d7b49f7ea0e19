// Reads the directories of a TIFF: which images it contains, and how they are stored. No pixels.

import { TiffDirectory, type TiffFile, tiffFile } from './tiff-file.ts';

/** One image of a TIFF, by the tags of its directory. */
export interface TiffImage {
  directory: TiffDirectory;
  width: number;
  height: number;
  compression: number;
  photometric: number;
  /** Bits a sample. */
  bits: number;
  sampleFormat: number;
  /** Samples a pixel. */
  samples: number;
  /** What the first sample beyond the colours is. */
  extraSample: number;
  isPlanar: boolean;
  /** YCbCr: whether the colours have fewer pixels than the brightness. */
  isSubsampled: boolean;
  isTiled: boolean;
  /** A thumbnail or a mask of another image. */
  isReduced: boolean;
  isDng: boolean;
  /** The share of its strips or tiles that are in the file, 0 to 1. Reads the list of all of them. */
  presentShare(): number;
}

const TAG = {
  subfileType: 254,
  oldSubfileType: 255,
  width: 256,
  height: 257,
  bits: 258,
  compression: 259,
  photometric: 262,
  stripOffsets: 273,
  orientation: 274,
  samples: 277,
  rowsPerStrip: 278,
  stripLengths: 279,
  planar: 284,
  faxOptions3: 292,
  faxOptions4: 293,
  predictor: 317,
  palette: 320,
  tileWidth: 322,
  tileHeight: 323,
  tileOffsets: 324,
  tileLengths: 325,
  subDirectories: 330,
  inkSet: 332,
  extraSamples: 338,
  sampleFormat: 339,
  jpegTables: 347,
  subsampling: 530,
  fillOrder: 266,
  referenceBlackWhite: 532,
  profile: 34675,
  dngVersion: 50706,
} as const;

/** What a decoder needs. It may refuse an image for a flaw in any other tag. */
const DECODER_TAGS: ReadonlySet<number> = new Set([
  TAG.width,
  TAG.height,
  TAG.bits,
  TAG.compression,
  TAG.photometric,
  TAG.fillOrder,
  TAG.stripOffsets,
  TAG.samples,
  TAG.rowsPerStrip,
  TAG.stripLengths,
  TAG.planar,
  TAG.faxOptions3,
  TAG.faxOptions4,
  TAG.predictor,
  TAG.palette,
  TAG.tileWidth,
  TAG.tileHeight,
  TAG.tileOffsets,
  TAG.tileLengths,
  TAG.inkSet,
  TAG.extraSamples,
  TAG.sampleFormat,
  TAG.jpegTables,
  TAG.subsampling,
  TAG.referenceBlackWhite,
]);

/** Some programs write 0. */
const ORIENTATIONS = new Set([1, 2, 3, 4, 5, 6, 7, 8]);

/** Bits of `subfileType`: 1 has a lower resolution than another image, 4 is a mask of another one. */
const REDUCED_OR_MASK = 0b101;
const OLD_REDUCED = 2;
const PLANAR = 2;
export const FLOAT_SAMPLES = 3;

/** Further directories are ignored. Cameras write up to ten, and a document begins with its first pages. */
const MAX_DIRECTORIES = 64;

/**
 * The images of a TIFF in the order of its directories, those of sub-directories after the one that names them. Reads a
 * bounded number of directories, each once; one that is cut off or that has no image is left out.
 * @see TIFF 6.0 (Adobe, 1992) and its supplement 1 (sub-directories)
 */
export function tiffImages(bytes: Uint8Array): TiffImage[] {
  const file = tiffFile(bytes);
  const images: TiffImage[] = [];
  const seen = new Set<number>();
  const waiting = [file.firstOffset];
  for (let at = waiting.shift(); at !== undefined && seen.size < MAX_DIRECTORIES; at = waiting.shift()) {
    if (!(at > 0) || seen.has(at)) continue;
    seen.add(at);
    const directory = TiffDirectory.at(file, at);
    if (directory === undefined) continue;
    const image = imageOf(directory, file);
    if (image !== undefined) images.push(image);
    waiting.unshift(...directory.values(TAG.subDirectories, MAX_DIRECTORIES), directory.next);
  }
  return images;
}

/** The EXIF orientation in the first directory of a TIFF structure. */
export function tiffOrientation(bytes: Uint8Array, otherwise = 1): number {
  const file = tiffFile(bytes);
  return TiffDirectory.at(file, file.firstOffset)?.value(TAG.orientation, otherwise) ?? otherwise;
}

const EXIF_STARTS = ['II*\0', 'MM\0*'];

/** Whether EXIF begins as it must, and has all of its first directory. Decoders differ in what they read of others. */
export function isCompleteExif(exif: Buffer): boolean {
  const file = tiffFile(exif);
  return (
    EXIF_STARTS.includes(exif.toString('latin1', 0, 4)) &&
    TiffDirectory.at(file, file.firstOffset) !== undefined
  );
}

/**
 * A copy of the TIFF that has only this image, and of it only what a decoder needs: decoders read the directories of all
 * images, which can take minutes, and give up at tags that do not matter.
 */
export function onlyTiffImage(bytes: Uint8Array, { directory, sampleFormat }: TiffImage): Uint8Array {
  const isNeeded = (tag: number): boolean => {
    if (tag === TAG.orientation) return ORIENTATIONS.has(directory.value(tag, 0));
    // libvips shows floating-point samples with a colour profile as black.
    if (tag === TAG.profile) return sampleFormat !== FLOAT_SAMPLES;
    return DECODER_TAGS.has(tag);
  };
  return directory.alone(Buffer.from(bytes), isNeeded);
}

function imageOf(directory: TiffDirectory, file: TiffFile): TiffImage | undefined {
  const width = directory.value(TAG.width, 0);
  const height = directory.value(TAG.height, 0);
  if (!(width > 0 && height > 0)) return undefined;
  const isTiled = directory.has(TAG.tileOffsets);
  return {
    directory,
    width,
    height,
    compression: directory.value(TAG.compression, 1),
    photometric: directory.value(TAG.photometric, -1),
    bits: directory.value(TAG.bits, 1),
    sampleFormat: directory.value(TAG.sampleFormat, 1),
    samples: directory.value(TAG.samples, 1),
    extraSample: directory.value(TAG.extraSamples, 0),
    isPlanar: directory.value(TAG.planar, 1) === PLANAR,
    isSubsampled: directory.values(TAG.subsampling, 2).some((factor) => factor !== 1),
    isTiled,
    isReduced:
      (directory.value(TAG.subfileType, 0) & REDUCED_OR_MASK) !== 0 ||
      directory.value(TAG.oldSubfileType, 0) === OLD_REDUCED,
    isDng: directory.has(TAG.dngVersion),
    presentShare: () =>
      isTiled
        ? presentShare(file, directory, [TAG.tileOffsets, TAG.tileLengths])
        : presentShare(file, directory, [TAG.stripOffsets, TAG.stripLengths]),
  };
}

/** An image of 4 GiB in strips of 8 KiB has half as many. */
const MAX_STRIPS = 1_000_000;

/** A strip or tile of length 0 is missing. Of the last one of a file that is cut off, a part may be there. */
function presentShare(
  { bytes }: TiffFile,
  directory: TiffDirectory,
  [offsetsTag, lengthsTag]: readonly [number, number],
): number {
  const offsets = directory.values(offsetsTag, MAX_STRIPS);
  const lengths = directory.values(lengthsTag, MAX_STRIPS);
  if (offsets.length === 0) return 0;
  let present = 0;
  for (const [index, offset] of offsets.entries()) {
    const length = lengths[index] ?? 0;
    if (offset > 0 && length > 0) present += Math.max(0, Math.min(1, (bytes.length - offset) / length));
  }
  return present / offsets.length;
}

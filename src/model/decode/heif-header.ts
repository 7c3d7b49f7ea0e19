// What the header of a HEIF file (HEIC, AVIF) says about its primary image.

import { type CleanAperture, cleanAperture } from './clean-aperture.ts';
import { DecodeError } from './decode-error.ts';
import { type Box, BoxReader, boxes, firstBox } from './iso-media.ts';

export type HeifFormat = 'avif' | 'heic';

export interface PrimaryImage {
  /** As stored, before rotation and cropping. 0 if the header does not say. */
  width: number;
  height: number;
  /** An ICC profile. */
  profile?: Buffer;
  aperture?: CleanAperture;
}

/**
 * Reads the header of the primary image of a HEIC or AVIF.
 * @throws {DecodeError} if the file is damaged, or has images in a track only.
 */
export function readPrimaryImage(bytes: Uint8Array, format: HeifFormat): PrimaryImage {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const image = primaryImage(file);
  if (image !== undefined) return image;
  const type = format.toUpperCase();
  throw firstBox(file, 'moov') === undefined
    ? new DecodeError('truncated', `The ${type} is cut off or damaged: it has no primary image.`)
    : new DecodeError(
        'unsupported_format',
        `The ${type} has a video track and no still image, which is not supported.`,
      );
}

function primaryImage(bytes: Buffer): PrimaryImage | undefined {
  const meta = firstBox(bytes, 'meta');
  if (meta === undefined) return undefined;
  const reader = new BoxReader(bytes, meta);
  reader.versionAndFlags();
  const content = reader.rest;
  const pitm = firstBox(bytes, 'pitm', content);
  const iprp = firstBox(bytes, 'iprp', content);
  const ipco = iprp && firstBox(bytes, 'ipco', iprp);
  if (pitm === undefined || iprp === undefined || ipco === undefined) return undefined;
  const all = [...boxes(bytes, ipco)];
  const indexes = propertyIndexes(bytes, iprp, primaryId(bytes, pitm));
  const properties = indexes.flatMap((index) => all[index - 1] ?? []);
  return imageOf(bytes, properties);
}

function primaryId(bytes: Buffer, pitm: Box): number {
  const reader = new BoxReader(bytes, pitm);
  return reader.uint(reader.versionAndFlags().version === 0 ? 2 : 4);
}

/** Real files have at most some thousands. */
const MAX_ITEMS = 65_536;

/** The properties of an item, as indexes from 1 into the list of all. */
function propertyIndexes(bytes: Buffer, iprp: Box, item: number): number[] {
  for (const box of boxes(bytes, iprp)) {
    if (box.type !== 'ipma') continue;
    const reader = new BoxReader(bytes, box);
    const { version, flags } = reader.versionAndFlags();
    const idBytes = version === 0 ? 2 : 4;
    const indexBytes = (flags & 1) === 0 ? 1 : 2;
    const items = Math.min(reader.uint(4), MAX_ITEMS);
    for (let entry = 0; entry < items; entry++) {
      const id = reader.uint(idBytes);
      const indexes = Array.from({ length: reader.uint(1) }, () => reader.uint(indexBytes));
      // The highest bit says whether a reader must know the property.
      if (id === item) return indexes.map((index) => index & (indexBytes === 1 ? 0x7f : 0x7fff));
    }
  }
  return [];
}

function imageOf(bytes: Buffer, properties: readonly Box[]): PrimaryImage {
  const image: PrimaryImage = { width: 0, height: 0 };
  for (const property of properties) {
    const reader = new BoxReader(bytes, property);
    if (property.type === 'ispe') {
      reader.versionAndFlags();
      image.width = reader.uint(4);
      image.height = reader.uint(4);
    } else if (property.type === 'colr' && ['prof', 'rICC'].includes(reader.fourCharacters())) {
      const { from, to } = reader.rest;
      image.profile = bytes.subarray(from, to);
    }
  }
  const aperture = cleanAperture(bytes, properties, image);
  return aperture === undefined ? image : { ...image, aperture };
}

// The clean aperture of a HEIF image: the part of it that is shown. libheif-js 1.23.2 refuses an image whose aperture is much
// smaller than itself, so the decoder gets the image without one, and the part is cut out of the result.

import { type Box, BoxReader } from './iso-media.ts';

export interface Size {
  width: number;
  height: number;
}

export interface Rectangle extends Size {
  left: number;
  top: number;
}

export interface CleanAperture {
  /** In the image after its rotation and mirroring. */
  shown: Rectangle;
  /** Where the content of its box is in the file. */
  at: number;
}

/** The clean aperture among the properties of an image; undefined if there is none, or an invalid one. */
export function cleanAperture(
  bytes: Buffer,
  properties: readonly Box[],
  stored: Size,
): CleanAperture | undefined {
  let found: CleanAperture | undefined;
  let size = stored;
  for (const property of properties) {
    const reader = new BoxReader(bytes, property);
    if (property.type === 'clap') {
      const shown = apertureIn(size, reader);
      if (shown === undefined) return undefined;
      found = { shown, at: property.from };
    } else if (property.type === 'irot') {
      for (let steps = reader.uint(1) & 3; steps > 0; steps--) {
        if (found !== undefined) found = { ...found, shown: turned(found.shown, size) };
        size = { width: size.height, height: size.width };
      }
    } else if (property.type === 'imir' && found !== undefined) {
      found = { ...found, shown: mirrored(found.shown, size, reader.uint(1) & 1) };
    }
  }
  return found;
}

/** Makes a clean aperture as large as the image. */
export function openAperture(file: Uint8Array, { at }: CleanAperture, { width, height }: Size): void {
  const view = new DataView(file.buffer, file.byteOffset + at);
  // Numerators and denominators of the size and of the distance between the centres.
  for (const [index, value] of [width, 1, height, 1, 0, 1, 0, 1].entries()) view.setUint32(4 * index, value);
}

function apertureIn({ width, height }: Size, reader: BoxReader): Rectangle | undefined {
  const fraction = () => (reader.uint(4) | 0) / (reader.uint(4) | 0);
  const size = { width: Math.round(fraction()), height: Math.round(fraction()) };
  const left = Math.round((width - size.width) / 2 + fraction());
  const top = Math.round((height - size.height) / 2 + fraction());
  const fits = left >= 0 && top >= 0 && left + size.width <= width && top + size.height <= height;
  return fits && size.width > 0 && size.height > 0 ? { ...size, left, top } : undefined;
}

/** The part after a rotation of the image by 90 degrees, anticlockwise. */
const turned = ({ left, top, width, height }: Rectangle, image: Size): Rectangle => ({
  left: top,
  top: image.width - left - width,
  width: height,
  height: width,
});

/** The part after mirroring; axis 0 exchanges top and bottom. */
const mirrored = (part: Rectangle, image: Size, axis: number): Rectangle =>
  axis === 0
    ? { ...part, top: image.height - part.top - part.height }
    : { ...part, left: image.width - part.left - part.width };

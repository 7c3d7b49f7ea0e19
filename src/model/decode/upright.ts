import type { RawPicture } from './pillow.ts';

/**
 * Rotates a picture by its EXIF orientation (1 to 8; others are ignored). It runs after scaling, because before it the whole
 * image would have to be decoded and held in memory; the result is the same.
 */
export function turnUpright(picture: RawPicture, orientation = 1): RawPicture {
  if (orientation < 2 || orientation > 8) return picture;
  const { pixels, width: columns, height: rows } = picture;
  const isTransposed = orientation >= 5;
  const isMirrored = [2, 3, 7, 8].includes(orientation);
  const isFlipped = [3, 4, 6, 7].includes(orientation);
  const upright = new Uint8Array(pixels.length);
  const [width, height] = isTransposed ? [rows, columns] : [columns, rows];
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++, to += 3) {
      const [column, row] = isTransposed ? [y, x] : [x, y];
      const from =
        3 * (columns * (isFlipped ? rows - 1 - row : row) + (isMirrored ? columns - 1 - column : column));
      upright[to] = pixels[from] as number;
      upright[to + 1] = pixels[from + 1] as number;
      upright[to + 2] = pixels[from + 2] as number;
    }
  }
  return { pixels: upright, width, height };
}

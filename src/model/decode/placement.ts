// Where the square that a model sees lies in the scaled picture.

import type { Preprocessing } from '../../core/model/model.ts';

/** How a picture becomes the square that a model sees. */
export type Target = Pick<Preprocessing, 'fit' | 'resizeShortestSide' | 'cropSize' | 'kernel'>;

/** What viewers see: all of a picture, and no more pixels than it has. */
export interface Whole {
  fit: 'inside';
  longestSide: number;
}

/** One side of a picture. */
export interface Placement {
  scaledSize: number;
  /** How much of it is cut off before the crop. */
  margin: number;
}

/** @param size of this side of a picture, whose shortest side has `shortestSide` pixels. */
export function placementOf(
  size: number,
  shortestSide: number,
  { fit = 'cover', resizeShortestSide: side, cropSize }: Omit<Target, 'kernel'>,
): Placement {
  if (fit === 'cover') {
    const scaledSize = Math.round((side * size) / shortestSide);
    return { scaledSize, margin: Math.ceil((scaledSize - side) / 2) + Math.round((side - cropSize) / 2) };
  }
  const scaledSize = fit === 'stretch' ? side : Math.floor((side * size) / shortestSide);
  return { scaledSize, margin: Math.floor((scaledSize - cropSize) / 2) };
}

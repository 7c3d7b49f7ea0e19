// How much of a damaged image is left.

import { type Attempt, openImage } from './pixels.ts';
import type { ImageSource } from './source.ts';
import { timeLimit } from './time-limit.ts';

/** The image is sampled in so many rows of so many pixels. */
const ROWS = 200;
const COLUMNS = 32;
/** Rows whose pixels differ by no more have one colour. */
const TOLERANCE = 2;

/**
 * The share of the rows that could be decoded, 0 to 1. Decoders leave the rest of a picture in one colour, so those at the end
 * that have one colour, and the same, count as missing.
 */
export async function decodedShare(source: ImageSource, attempt: Attempt): Promise<number> {
  const { data, info } = await openImage(source, attempt)
    .toColourspace('srgb')
    .flatten({ background: '#ffffff' })
    .resize(COLUMNS, ROWS, { fit: 'fill', kernel: 'nearest' })
    .timeout(timeLimit(attempt.timeoutMs))
    .raw()
    .toBuffer({ resolveWithObject: true });
  const rowBytes = COLUMNS * info.channels;
  const colour = data.subarray(-info.channels);
  let missing = 0;
  for (
    let at = data.length - rowBytes;
    at >= 0 && hasOneColour(data.subarray(at, at + rowBytes), colour);
    at -= rowBytes
  )
    missing++;
  return Math.min((ROWS - missing) / ROWS, source.presentShare ?? 1);
}

const hasOneColour = (row: Uint8Array, colour: Uint8Array): boolean =>
  row.every((value, index) => Math.abs(value - (colour[index % colour.length] ?? 0)) <= TOLERANCE);

// Thumbnails of reports: the middle square of an image, as a model sees it.

import { readFile } from 'node:fs/promises';
import type { DecodeLimits } from './decode/decode-failure.ts';

/** Each has 3 to 5 KB. */
const SIDE_PIXELS = 120;

/** An address (`data:`) of a JPEG. Undefined if the file cannot be read or decoded. */
export async function thumbnailOf(path: string, limits: DecodeLimits): Promise<string | undefined> {
  const target = { resizeShortestSide: SIDE_PIXELS, cropSize: SIDE_PIXELS, kernel: 'lanczos3' } as const;
  try {
    const { smallPicture } = await import('./small-picture.ts');
    const jpeg = await smallPicture(await readFile(path), target, limits);
    return `data:image/jpeg;base64,${jpeg.toString('base64')}`;
  } catch {
    return undefined;
  }
}

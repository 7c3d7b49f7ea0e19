// Small pictures for reports: the middle square of an image, as a model sees it.

import { readFile } from 'node:fs/promises';
import { decodeImage } from './decode/decode.ts';
import type { DecodeLimits } from './decode/decode-failure.ts';

const SIDE_PIXELS = 120;
/** 3 to 5 KB a thumbnail. */
const QUALITY = 70;

/** An address (`data:`) of a JPEG. Undefined if the file cannot be read or decoded. */
export async function thumbnailOf(path: string, limits: DecodeLimits): Promise<string | undefined> {
  const target = { resizeShortestSide: SIDE_PIXELS, cropSize: SIDE_PIXELS, kernel: 'lanczos3' } as const;
  try {
    const { pixels } = await decodeImage(await readFile(path), target, limits);
    const { default: sharp } = await import('sharp');
    const raw = { width: SIDE_PIXELS, height: SIDE_PIXELS, channels: 3 } as const;
    const jpeg = await sharp(pixels, { raw }).jpeg({ quality: QUALITY }).toBuffer();
    return `data:image/jpeg;base64,${jpeg.toString('base64')}`;
  } catch {
    return undefined;
  }
}

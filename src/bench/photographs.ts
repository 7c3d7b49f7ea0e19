/** Makes any number of different photographs of a given size from a few real ones. The same options make the same ones. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import sharp, { type CreateRaw } from 'sharp';
import { ImgclsError, messageOf } from '../core/runtime/errors.ts';

export interface Photographs {
  /** A folder with JPEG and PNG files, or such files themselves. */
  sources: string | readonly string[];
  count: number;
  /** Approximate size of each file. */
  bytes: number;
  /** Pixels. */
  width?: number;
  height?: number;
  /** Other seeds give other crops. */
  seed?: string;
}

const MAX_PARALLEL = 8;

/** A number from 0 (inclusive) to 1 (exclusive) that depends on the text only. */
const seeded = (text: string) => createHash('sha256').update(text).digest().readUInt32LE() / 2 ** 32;

/** The source files, by name. Photograph `index` is made from number `index % length`. */
export async function photographSources(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => /\.(jpe?g|png)$/i.test(name)).sort();
  return names.map((name) => path.join(folder, name));
}

/**
 * Fills `folder` with `count` JPEG photographs of about `bytes` each: crops of 60 to 100 % of the sources' width and height,
 * resized to one size (500 x 375 pixels), with the JPEG quality that comes nearest to the bytes. Existing files are kept.
 * @returns their paths.
 * @throws {ImgclsError} of kind `usage` if there is no source, or one that cannot be decoded.
 */
export async function makePhotographs(folder: string, options: Photographs): Promise<string[]> {
  const { sources, count } = options;
  await mkdir(folder, { recursive: true });
  const existing = new Set(await readdir(folder));
  const originals = typeof sources === 'string' ? await photographSources(sources) : sources;
  if (originals.length === 0)
    throw new ImgclsError('usage', `No JPEG or PNG found in ${sources} to make photographs from.`);
  const names = Array.from({ length: count }, (_, index) => `photo-${String(index).padStart(6, '0')}.jpg`);
  // One iterator for all makers: each takes the next name.
  const entries = names.entries();
  const makers = Array.from({ length: MAX_PARALLEL }, async () => {
    for (const [index, name] of entries) {
      if (existing.has(name)) continue;
      const jpeg = await crop(originals[index % originals.length] ?? '', index, options);
      // Renamed into place, so that an interrupted or parallel run leaves no partial file under this name.
      const partial = path.join(folder, `.${name}-${process.pid}`);
      await writeFile(partial, jpeg);
      await rename(partial, path.join(folder, name));
    }
  });
  await Promise.all(makers);
  return names.map((name) => path.join(folder, name));
}

async function crop(
  original: string,
  index: number,
  { bytes, width = 500, height = 375, seed = '' }: Photographs,
): Promise<Buffer> {
  try {
    const file = await readFile(original);
    const whole = await sharp(file).metadata();
    const share = 0.6 + 0.4 * seeded(`${seed}share ${index}`);
    const size = { width: Math.round(whole.width * share), height: Math.round(whole.height * share) };
    const left = Math.floor((whole.width - size.width) * seeded(`${seed}left ${index}`));
    const top = Math.floor((whole.height - size.height) * seeded(`${seed}top ${index}`));
    const { data, info } = await sharp(file)
      .extract({ left, top, ...size })
      .resize(width, height, { fit: 'cover' })
      .toColourspace('srgb')
      .raw()
      .toBuffer({ resolveWithObject: true });
    return await nearestInSize(data, { width, height, channels: info.channels }, bytes);
  } catch (cause) {
    throw new ImgclsError('usage', `Cannot make a photograph from ${original}: ${messageOf(cause)}`, {
      cause,
    });
  }
}

/** The JPEG whose quality comes nearest to the size. */
async function nearestInSize(pixels: Buffer, raw: CreateRaw, bytes: number): Promise<Buffer> {
  let [low, high] = [5, 100];
  let best = Buffer.alloc(0);
  while (low <= high) {
    const quality = (low + high) >> 1;
    const jpeg = await sharp(pixels, { raw }).jpeg({ quality }).toBuffer();
    if (Math.abs(jpeg.byteLength - bytes) < Math.abs(best.byteLength - bytes)) best = jpeg;
    if (jpeg.byteLength > bytes) high = quality - 1;
    else low = quality + 1;
  }
  return best;
}

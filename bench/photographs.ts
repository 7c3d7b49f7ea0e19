// Makes any number of different photographs of about a given size from a few real ones, the same ones every time.
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';

/** Numbers in [0, 1) that a text decides. */
const seeded = (text: string) => createHash('sha256').update(text).digest().readUInt32LE() / 2 ** 32;

/**
 * Fills `folder` with `count` JPEG photographs of about `bytes` each: crops of those in `sources`, 500 x 375 pixels,
 * as sharp as it takes to reach the size. Files that are there already are left alone.
 */
export async function makePhotographs(
  folder: string,
  { sources, count, bytes }: { sources: string; count: number; bytes: number },
): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  const there = new Set(await readdir(folder));
  const originals = (await readdir(sources)).filter((name) => /\.(jpe?g|png)$/i.test(name)).sort();
  const names = Array.from({ length: count }, (_, index) => `photo-${String(index).padStart(6, '0')}.jpg`);
  for (const [index, name] of names.entries()) {
    if (there.has(name)) continue;
    const original = await readFile(path.join(sources, originals[index % originals.length] ?? ''));
    await writeFile(path.join(folder, name), await crop(original, index, bytes));
  }
  return names.map((name) => path.join(folder, name));
}

async function crop(original: Buffer, index: number, bytes: number): Promise<Buffer> {
  const { width, height } = await sharp(original).metadata();
  const share = 0.6 + 0.4 * seeded(`share ${index}`);
  const size = { width: Math.round(width * share), height: Math.round(height * share) };
  const left = Math.floor((width - size.width) * seeded(`left ${index}`));
  const top = Math.floor((height - size.height) * seeded(`top ${index}`));
  const pixels = await sharp(original)
    .extract({ left, top, ...size })
    .resize(500, 375, { fit: 'cover' })
    .toColourspace('srgb')
    .raw()
    .toBuffer();
  let [low, high] = [5, 100];
  let best = Buffer.alloc(0);
  while (low <= high) {
    const quality = (low + high) >> 1;
    const raw = { width: 500, height: 375, channels: (pixels.byteLength / (500 * 375)) as 3 };
    const jpeg = await sharp(pixels, { raw }).jpeg({ quality }).toBuffer();
    if (Math.abs(jpeg.byteLength - bytes) < Math.abs(best.byteLength - bytes)) best = jpeg;
    if (jpeg.byteLength > bytes) high = quality - 1;
    else low = quality + 1;
  }
  return best;
}

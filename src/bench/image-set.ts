/** The images that scenarios submit, with their expected labels. */
import { createHash } from 'node:crypto';
import { appendFile, copyFile, mkdir, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { ImgclsError, messageOf } from '../core/runtime/errors.ts';
import { makePhotographs, photographSources } from './photographs.ts';
import type { ImageKind } from './scenarios.ts';

export interface BaseImage {
  file: string;
  /** WordNet ids of right labels; empty if unknown. */
  expected: readonly string[];
}

export interface ImageSet {
  /** The source of the photographs. */
  from: 'samples' | 'folder';
  images: Readonly<Record<ImageKind, readonly BaseImage[]>>;
}

/** Enough different images that no cache of pixels could help. Larger jobs repeat them in turn. */
const DISTINCT_IMAGES = 120;
const MEDIUM = { bytes: 90_000, width: 500, height: 375 };
const TINY = { bytes: 2000, width: 100, height: 75 };
const MAX_PARALLEL = 16;
const IMAGE_NAME = /\.(jpe?g|png|webp|gif|tiff?|avif|bmp)$/i;
const CROP_SOURCE = /\.(jpe?g|png)$/i;

export interface ImageSetOptions {
  /** The folder of the bundled samples and their `expected.json`. */
  samples: string;
  /** The user's photographs, used unchanged. */
  folder?: string | undefined;
  /** Random seed of the crops. */
  seed: number;
  /** Crops are kept here for later runs. */
  cacheDir: string;
  kinds: readonly ImageKind[];
}

/**
 * Without a folder all images are crops of the samples. With one, medium images are the user's photographs, and tiny ones
 * crops of them.
 * @throws {ImgclsError} of kind `usage` if there is no image.
 */
export async function openImageSet(options: ImageSetOptions): Promise<ImageSet> {
  const { samples, folder, kinds } = options;
  const sources = folder === undefined ? await sampleImages(samples) : await userImages(folder);
  const crops = (kind: ImageKind, size: typeof MEDIUM) =>
    kinds.includes(kind) ? cropsOf(sources, { ...size, seed: options.seed, cacheDir: options.cacheDir }) : [];
  return {
    from: folder === undefined ? 'samples' : 'folder',
    images: {
      medium: folder === undefined ? await crops('medium', MEDIUM) : sources,
      tiny: await crops('tiny', TINY),
    },
  };
}

async function sampleImages(samples: string): Promise<BaseImage[]> {
  try {
    const expected: Record<string, string[]> = JSON.parse(
      await readFile(path.join(samples, 'expected.json'), 'utf8'),
    );
    const files = await photographSources(samples);
    return files.map((file) => ({ file, expected: expected[path.basename(file)] ?? [] }));
  } catch (cause) {
    throw new ImgclsError('usage', `Cannot read the sample photographs: ${messageOf(cause)}`, {
      hint: 'Use your own photographs with --images FOLDER.',
      cause,
    });
  }
}

/** All images in the folder and its subfolders, by path. A WordNet id in the path, as in ImageNet, is the expected label. */
async function userImages(folder: string): Promise<BaseImage[]> {
  const names = await readdir(folder, { recursive: true }).catch((cause: unknown) => {
    throw new ImgclsError('usage', `Cannot read the folder ${folder}: ${messageOf(cause)}`, { cause });
  });
  const images = names.filter((name) => IMAGE_NAME.test(name)).sort();
  if (images.length === 0) throw new ImgclsError('usage', `No images found in ${folder}.`);
  return images.map((name) => {
    const wnid = /(?:^|[^a-z0-9])(n\d{8})(?![0-9])/i.exec(name)?.[1];
    return { file: path.join(folder, name), expected: wnid === undefined ? [] : [wnid.toLowerCase()] };
  });
}

async function cropsOf(
  sources: readonly BaseImage[],
  { seed, cacheDir, ...size }: typeof MEDIUM & { seed: number; cacheDir: string },
): Promise<BaseImage[]> {
  const usable = sources.filter(({ file }) => CROP_SOURCE.test(file)).slice(0, DISTINCT_IMAGES);
  const files = usable.map(({ file }) => file);
  const made = await makePhotographs(path.join(cacheDir, await cacheName(files, { seed, ...size })), {
    sources: files,
    count: DISTINCT_IMAGES,
    seed: `${seed} `,
    ...size,
  });
  return made.map((file, index) => ({ file, expected: usable[index % usable.length]?.expected ?? [] }));
}

/** The name depends on everything that the crops depend on: originals, sizes and seed. */
async function cacheName(files: readonly string[], how: object): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(how));
  for (const file of files) hash.update(await readFile(file));
  return `imgcls-bench-${hash.digest('hex').slice(0, 16)}`;
}

/** The submitted images by the name that their outcomes have. */
export type Submitted = ReadonlyMap<string, BaseImage>;

/**
 * Fills a new folder with `count` images, repeated in turn if there are fewer. Every file has new bytes: images are stored by
 * content, and an image that is already stored would not be uploaded again.
 * @param mark makes the bytes unique.
 */
export async function writeFresh(
  folder: string,
  images: readonly BaseImage[],
  { count, mark }: { count: number; mark: string },
): Promise<Submitted> {
  await mkdir(folder, { recursive: true });
  const submitted = new Map<string, BaseImage>();
  for (let index = 0; index < count; index++) {
    const image = images[index % images.length];
    if (image === undefined) throw new ImgclsError('usage', 'There are no images to submit.');
    submitted.set(`${String(index).padStart(6, '0')}${path.extname(image.file).toLowerCase()}`, image);
  }
  const entries = submitted.entries();
  const writers = Array.from({ length: MAX_PARALLEL }, async () => {
    for (const [name, { file }] of entries) {
      await copyFile(file, path.join(folder, name));
      await appendFile(path.join(folder, name), unreadBytes(`${mark}/${name}`));
    }
  });
  await Promise.all(writers);
  return submitted;
}

/**
 * Bytes to append to a file that no decoder reads: they are past the end of a JPEG, PNG, WebP, GIF, TIFF or BMP, and form a
 * `free` box, which AVIF readers skip.
 */
export function unreadBytes(mark: string): Buffer {
  const payload = createHash('sha256').update(mark).digest();
  const head = Buffer.alloc(8);
  head.writeUInt32BE(head.byteLength + payload.byteLength);
  head.write('free', 4, 'latin1');
  return Buffer.concat([head, payload]);
}

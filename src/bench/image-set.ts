/** The images that scenarios submit, and what is known of them. */
import { createHash } from 'node:crypto';
import { appendFile, copyFile, mkdir, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { ImgclsError, messageOf } from '../core/runtime/errors.ts';
import { makePhotographs, photographSources } from './photographs.ts';
import type { ImageKind } from './scenarios.ts';

export interface BaseImage {
  file: string;
  /** WordNet ids that are right for it; empty where nobody has said. */
  expected: readonly string[];
}

export interface ImageSet {
  /** Whose photographs they are. */
  from: 'samples' | 'folder';
  images: Readonly<Record<ImageKind, readonly BaseImage[]>>;
}

/** Enough different ones that no cache of pixels could help; jobs of more images take them in turn. */
const DIFFERENT = 120;
const MEDIUM = { bytes: 90_000, width: 500, height: 375 };
const TINY = { bytes: 2000, width: 100, height: 75 };
const MOST_AT_ONCE = 16;
const IMAGE_NAME = /\.(jpe?g|png|webp|gif|tiff?|avif|bmp)$/i;
const MADE_FROM = /\.(jpe?g|png)$/i;

export interface ImageSetOptions {
  /** The product's own photographs; beside them `expected.json`. */
  samples: string;
  /** The user's photographs, which are taken as they are. */
  folder?: string | undefined;
  /** Which crops are made. */
  seed: number;
  /** Where crops are kept for the next time. */
  cacheDir: string;
  kinds: readonly ImageKind[];
}

/**
 * Tiny images are always crops, of the user's photographs where there are some; medium ones only where there are none.
 * @throws {ImgclsError} of kind `usage` where there is no image.
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
    throw new ImgclsError('usage', `The sample photographs cannot be read: ${messageOf(cause)}`, {
      hint: 'Give photographs of your own: --images FOLDER.',
      cause,
    });
  }
}

/** All the way down, by path. A name or folder with a WordNet id, as ImageNet has them, says what is right. */
async function userImages(folder: string): Promise<BaseImage[]> {
  const names = await readdir(folder, { recursive: true }).catch((cause: unknown) => {
    throw new ImgclsError('usage', `Cannot read the folder ${folder}: ${messageOf(cause)}`, { cause });
  });
  const images = names.filter((name) => IMAGE_NAME.test(name)).sort();
  if (images.length === 0) throw new ImgclsError('usage', `There is no image in ${folder}.`);
  return images.map((name) => {
    const wnid = /(?:^|[^a-z0-9])(n\d{8})(?![0-9])/i.exec(name)?.[1];
    return { file: path.join(folder, name), expected: wnid === undefined ? [] : [wnid.toLowerCase()] };
  });
}

async function cropsOf(
  sources: readonly BaseImage[],
  { seed, cacheDir, ...size }: typeof MEDIUM & { seed: number; cacheDir: string },
): Promise<BaseImage[]> {
  const usable = sources.filter(({ file }) => MADE_FROM.test(file)).slice(0, DIFFERENT);
  const files = usable.map(({ file }) => file);
  const made = await makePhotographs(path.join(cacheDir, await cacheName(files, { seed, ...size })), {
    sources: files,
    count: DIFFERENT,
    seed: `${seed} `,
    ...size,
  });
  return made.map((file, index) => ({ file, expected: usable[index % usable.length]?.expected ?? [] }));
}

/** Other originals, sizes or seeds are other crops. */
async function cacheName(files: readonly string[], how: object): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(how));
  for (const file of files) hash.update(await readFile(file));
  return `imgcls-bench-${hash.digest('hex').slice(0, 16)}`;
}

/** A name, as outcomes have it, and the image behind it. */
export type Submitted = ReadonlyMap<string, BaseImage>;

/**
 * Fills a new folder with `count` images, in turn where there are fewer, each with bytes that no store has seen: images are
 * stored by content, and one that is there already would not be sent.
 * @param mark makes the bytes; other marks make others.
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
    if (image === undefined) throw new ImgclsError('usage', 'There is no image to submit.');
    submitted.set(`${String(index).padStart(6, '0')}${path.extname(image.file).toLowerCase()}`, image);
  }
  const entries = submitted.entries();
  const writers = Array.from({ length: MOST_AT_ONCE }, async () => {
    for (const [name, { file }] of entries) {
      await copyFile(file, path.join(folder, name));
      await appendFile(path.join(folder, name), unreadBytes(`${mark}/${name}`));
    }
  });
  await Promise.all(writers);
  return submitted;
}

/**
 * Bytes for the end of a file that no decoder reads: past the end of a JPEG, PNG, WebP, GIF, TIFF or BMP, and of the
 * form of a box `free`, which readers of AVIF pass over.
 */
export function unreadBytes(mark: string): Buffer {
  const payload = createHash('sha256').update(mark).digest();
  const head = Buffer.alloc(8);
  head.writeUInt32BE(head.byteLength + payload.byteLength);
  head.write('free', 4, 'latin1');
  return Buffer.concat([head, payload]);
}

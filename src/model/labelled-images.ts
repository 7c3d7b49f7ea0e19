// Photographs whose folder or name says what they show.

import { readdir } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import type { ClassLabel } from '../core/model/model.ts';
import { ImgclsError, readFault } from '../core/runtime/errors.ts';

export interface LabelledImage {
  path: string;
  /** WordNet ids of what it shows: several where a word names several classes, as `crane` does. */
  truth: readonly string[];
}

export interface LabelledFolder {
  /** In the order of their paths. */
  images: LabelledImage[];
  /** Images that carry no truth, by their path in the folder. */
  unlabelled: string[];
}

const IMAGE = /\.(jpe?g|jpe|jfif|png|webp|gif|tiff?|avif|bmp)$/i;
const WNID = /^n\d{8}(?![0-9])/;

/**
 * The images below a folder. The truth is the nearest folder that is called like a class (`n02124075`, `Egyptian cat`,
 * `egyptian_cat`), else the WordNet id that the file's name begins with (`n02124075_7.jpg`).
 * @throws {ImgclsError} of kind `usage` where the folder cannot be read, or a file names a class that the model lacks.
 */
export async function findLabelledImages(
  dir: string,
  labels: readonly ClassLabel[],
): Promise<LabelledFolder> {
  const classes = classesByName(labels);
  const found: LabelledFolder = { images: [], unlabelled: [] };
  for (const path of await imagesBelow(dir)) {
    const truth = truthOf(relative(dir, path), classes);
    if (truth === undefined) found.unlabelled.push(relative(dir, path));
    else found.images.push({ path, truth });
  }
  if (found.images.length > 0) return found;
  throw new ImgclsError('usage', `No image below ${dir} says what it shows.`, {
    hint: 'Put them into folders named like classes ("n02124075" or "Egyptian cat"), or begin file names with the WordNet id.',
  });
}

async function imagesBelow(dir: string): Promise<string[]> {
  try {
    const entries = await readdir(dir, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile() && IMAGE.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name))
      .sort();
  } catch (cause) {
    const isFile = (cause as { code?: string }).code === 'ENOTDIR';
    const why = isFile ? 'it is no folder' : readFault(cause);
    throw new ImgclsError('usage', `Cannot read ${dir}: ${why}.`, { cause });
  }
}

/** WordNet ids by the names that folders may have. */
export function classesByName(labels: readonly ClassLabel[]): ReadonlyMap<string, readonly string[]> {
  const classes = new Map<string, string[]>();
  for (const { wnid, label } of labels)
    for (const name of new Set([wnid, plain(label)])) classes.set(name, [...(classes.get(name) ?? []), wnid]);
  return classes;
}

/** @param path in the folder that was given. @returns undefined where it says nothing. */
export function truthOf(
  path: string,
  classes: ReadonlyMap<string, readonly string[]>,
): readonly string[] | undefined {
  const [file = '', ...folders] = path.split(sep).reverse();
  for (const folder of folders) {
    const named = classes.get(plain(folder));
    if (named !== undefined) return named;
  }
  const wnid = WNID.exec(file)?.[0];
  if (wnid === undefined) return undefined;
  const named = classes.get(wnid);
  if (named !== undefined) return named;
  throw new ImgclsError('usage', `${path} is of class ${wnid}, which the model does not know.`);
}

const plain = (name: string): string =>
  name
    .toLowerCase()
    .replaceAll(/[\s_-]+/g, ' ')
    .trim();

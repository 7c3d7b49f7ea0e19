// Images whose folder or file name contains their true class.

import { readdir } from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';
import type { ClassLabel } from '../core/model/model.ts';
import { ImgclsError, readFault } from '../core/runtime/errors.ts';

export interface LabelledImage {
  path: string;
  /** WordNet ids of its class. There are several if the name fits several classes, as `crane` does. */
  truth: readonly string[];
}

export interface LabelledFolder {
  /** Sorted by path. */
  images: LabelledImage[];
  /** Images without a true class, by their path in the folder. */
  unlabelled: string[];
}

const IMAGE = /\.(jpe?g|jpe|jfif|png|webp|gif|tiff?|avif|bmp)$/i;
const WNID = /^n\d{8}(?![0-9])/;

/**
 * The images below a folder. The true class is that of the nearest folder with the name of a class (`n02124075`,
 * `Egyptian cat`, `egyptian_cat`), otherwise the WordNet id at the start of the file name (`n02124075_7.jpg`).
 * @throws {ImgclsError} of kind `usage` if the folder cannot be read, or if the model lacks the class of a file.
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
  throw new ImgclsError('usage', `No labelled images found in ${dir}.`, {
    hint: 'Put images into folders named after their class ("n02124075" or "Egyptian cat"), or start file names with the WordNet id.',
  });
}

/**
 * The names of the folders that have images: labels for a model without its own. Names that differ in case only are one label.
 * @throws {ImgclsError} of kind `usage` if the folder cannot be read, or if it has none.
 */
export async function labelsOfFolders(dir: string): Promise<string[]> {
  const folders = (await imagesBelow(dir)).map((path) => dirname(relative(dir, path)));
  const names = folders.filter((folder) => folder !== '.').map((folder) => spaced(basename(folder)));
  const labels = new Map(names.map((name) => [plain(name), name]));
  if (labels.size > 0) return [...labels.values()];
  throw new ImgclsError('usage', `No folders with images found in ${dir}.`, {
    hint: 'Put images into folders named after your labels, such as "whiteboard".',
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
    const why = isFile ? 'it is not a folder' : readFault(cause);
    throw new ImgclsError('usage', `Cannot read ${dir}: ${why}.`, { cause });
  }
}

/** Ids of classes by the possible names of their folders: a label, or an id that is not the label of another class. */
export function classesByName(labels: readonly ClassLabel[]): ReadonlyMap<string, readonly string[]> {
  const classes = new Map<string, string[]>();
  for (const { wnid, label } of labels)
    classes.set(plain(label), [...(classes.get(plain(label)) ?? []), wnid]);
  for (const { wnid } of labels) if (!classes.has(wnid)) classes.set(wnid, [wnid]);
  return classes;
}

/** The true class of an image, by its path in the folder; undefined if the path contains none. */
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
  throw new ImgclsError('usage', `The class of ${path} (${wnid}) is not a class of the model.`);
}

const spaced = (name: string): string => name.replaceAll(/[\s_-]+/g, ' ').trim();

const plain = (name: string): string => spaced(name).toLowerCase();

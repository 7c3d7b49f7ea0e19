// Files that a user puts beside an imported model: a complete or partial model.json, and labels.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { type ClassLabel, modelManifest, preprocessing } from '../core/model/model.ts';
import { ImgclsError, messageOf } from '../core/runtime/errors.ts';
import { firstIssue } from '../core/runtime/versioned.ts';
import { LABELS_FILE, MANIFEST_FILE, parseLabels } from './folder.ts';

const { name, version, variant, licence, source, output, activation, temperature, accuracy } =
  modelManifest.shape;

/** All fields are optional. `sha256`, `bytes` and `input` come from the weights and are ignored here. */
export const recipe = z
  .object({
    name,
    version,
    variant,
    licence,
    source,
    output,
    activation,
    temperature,
    accuracy,
    preprocess: preprocessing.partial(),
  })
  .partial();
export type Recipe = z.infer<typeof recipe>;

/** The `model.json` of a folder; undefined if there is none. @throws {ImgclsError} of kind `usage`. */
export async function readRecipe(dir: string): Promise<Recipe | undefined> {
  const path = join(dir, MANIFEST_FILE);
  const text = await readIfExists(path);
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new ImgclsError('usage', `${path} is not JSON: ${messageOf(cause)}`, { cause });
  }
  const parsed = recipe.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new ImgclsError('usage', `${path} has the wrong shape: ${firstIssue(parsed.error)}`);
}

/** The `labels.json` of a folder; undefined if there is none. @throws {ImgclsError} */
export async function readLabels(dir: string): Promise<ClassLabel[] | undefined> {
  const text = await readIfExists(join(dir, LABELS_FILE));
  return text === undefined ? undefined : parseLabels(text);
}

/** Labels as Teachable Machine and others export them. */
export const LABEL_LINES_FILE = 'labels.txt';

/** The `labels.txt` of a folder, one label a line; undefined if there is none. @throws {ImgclsError} */
export async function readLabelLines(dir: string): Promise<ClassLabel[] | undefined> {
  const text = await readIfExists(join(dir, LABEL_LINES_FILE));
  if (text === undefined) return undefined;
  const lines = text
    .replace(/^\uFEFF/, '')
    .trimEnd()
    .split(/\r?\n/);
  // Teachable Machine writes "0 daisy".
  const isNumbered = lines.every((line, at) => line.startsWith(`${at} `));
  const labels = lines.map((line, at) => (isNumbered ? line.slice(`${at} `.length) : line).trim());
  const empty = labels.indexOf('');
  if (empty < 0) return labels.map((label, at) => ({ wnid: `c${at}`, label }));
  throw new ImgclsError('usage', `Line ${empty + 1} of ${LABEL_LINES_FILE} has no label.`, {
    hint: 'Write one label a line, in the order of the outputs of the model.',
  });
}

async function readIfExists(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new ImgclsError('usage', `Cannot read ${path}: ${messageOf(cause)}`, { cause });
  }
}

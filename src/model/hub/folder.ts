// A folder in the layout of the Hugging Face Hub.

import { open, readdir, stat } from 'node:fs/promises';
import { basename, join, relative, sep } from 'node:path';
import * as z from 'zod';
import type { ModelVariant, Preprocessing } from '../../core/model/model.ts';
import { ImgclsError, messageOf } from '../../core/runtime/errors.ts';
import { MANIFEST_FILE } from '../folder.ts';
import { type ImportSource, plainName } from '../import-source.ts';
import { type ModelLibrary, STARTER_MODEL } from '../library.ts';
import { readLabels } from '../recipe.ts';
import { CONFIG_FILE, type Head, headOf, withWordNetIds } from './config.ts';
import { weightsFiles } from './layout.ts';
import { PROCESSOR_FILE, recipeOfProcessor } from './processor.ts';

/** The configuration of a model with ImageNet-21k's labels has 2 MB. */
export const MAX_JSON_BYTES = 8 * 1024 * 1024;
/** Newer versions of transformers write the settings of a processor of images and texts into one file. */
export const BOTH_PROCESSORS_FILE = 'processor_config.json';
const CARD_FILE = 'README.md';
/** The properties of a card stand at its start. */
const CARD_BYTES = 16 * 1024;

export interface HubSourceOptions {
  library: ModelLibrary;
  variant?: ModelVariant | undefined;
  /** As the Hub names it, such as `q8`. Default: that of the variant. */
  precision?: string | undefined;
  /** The folder to name in errors, if it is a copy. */
  shownAs?: string | undefined;
}

/**
 * Reads what an import needs; undefined if the folder has no `config.json`, or a recipe of its own.
 * @throws {ImgclsError} of kind `usage` that names the file and what is missing or not supported.
 */
export async function hubSource(
  dir: string,
  { library, variant, precision = variant, shownAs = dir }: HubSourceOptions,
): Promise<ImportSource | undefined> {
  if (await exists(join(dir, MANIFEST_FILE))) return undefined;
  const settings = await readSettings(dir, shownAs);
  if (settings === undefined) return undefined;
  const { labels, activation, preprocess } = settings;
  const files = weightsFiles(await pathsBelow(dir), precision, shownAs);
  const licence = await licenceOf(dir);
  const imageNet = (await readLabels(join(library.bundledDir, STARTER_MODEL))) ?? [];
  const recipe = {
    name: plainName(basename(dir)),
    ...(precision !== undefined && { variant: files.variant }),
    source: `imported from ${basename(dir)}`,
    preprocess,
    activation,
    ...(licence !== undefined && { licence }),
  };
  return {
    graph: join(dir, files.graph),
    shownAs: join(shownAs, files.graph),
    data: files.data.map((path) => join(dir, path)),
    recipe,
    labels: withWordNetIds(labels, imageNet),
    labelsFile: CONFIG_FILE,
    layout: 'NCHW',
  };
}

/** What the files say besides weights; undefined if there is no `config.json`. @throws {ImgclsError} of kind `usage`. */
export async function readSettings(
  dir: string,
  shownAs: string,
): Promise<(Head & { preprocess: Preprocessing }) | undefined> {
  const config = await readJson(dir, CONFIG_FILE, shownAs);
  if (config === undefined) return undefined;
  const head = headOf(config, join(shownAs, CONFIG_FILE));
  return { ...head, preprocess: await readProcessor(dir, config, shownAs) };
}

/** @param config the parsed content of `config.json`. @throws {ImgclsError} of kind `usage`. */
export async function readProcessor(dir: string, config: unknown, shownAs: string): Promise<Preprocessing> {
  const { model_type: modelType } = typed.parse(config);
  const processor = await readJson(dir, PROCESSOR_FILE, shownAs);
  if (processor !== undefined) return recipeOfProcessor(processor, modelType, join(shownAs, PROCESSOR_FILE));
  const both = withImageProcessor.safeParse(await readJson(dir, BOTH_PROCESSORS_FILE, shownAs));
  if (!both.success) throw withoutProcessor(shownAs);
  return recipeOfProcessor(both.data.image_processor, modelType, join(shownAs, BOTH_PROCESSORS_FILE));
}

const typed = z.object({ model_type: z.string().optional().catch(undefined) });
const withImageProcessor = z.object({ image_processor: z.unknown() });

export const withoutProcessor = (shownAs: string): ImgclsError =>
  new ImgclsError('usage', `${shownAs} has no ${PROCESSOR_FILE}, which says how to prepare images.`);

/** Files of the folder and of those in it; weights are no deeper. */
export async function pathsBelow(dir: string): Promise<string[]> {
  const inDir = await readdir(dir, { withFileTypes: true });
  const inFolder = await readdir(join(dir, 'onnx'), { withFileTypes: true }).catch(() => []);
  const paths: string[] = [];
  for (const { parentPath, name } of [...inDir, ...inFolder]) {
    const path = join(parentPath, name);
    // The Hub's own cache has links to files. A link to nothing, or to a folder, is no file.
    if (await exists(path)) paths.push(relative(dir, path).replaceAll(sep, '/'));
  }
  return paths.sort();
}

export async function readJson(dir: string, name: string, shownAs: string): Promise<unknown> {
  const text = await readStart(join(dir, name), MAX_JSON_BYTES + 1);
  if (text === undefined) return undefined;
  if (text.length > MAX_JSON_BYTES)
    throw new ImgclsError('usage', `${join(shownAs, name)} has more than ${MAX_JSON_BYTES} bytes.`);
  try {
    return JSON.parse(text.toString());
  } catch (cause) {
    throw new ImgclsError('usage', `${join(shownAs, name)} is not JSON: ${messageOf(cause)}`, { cause });
  }
}

/** The `license` of the card's properties, which are YAML between two lines of dashes. */
export async function licenceOf(dir: string): Promise<string | undefined> {
  const card = (await readStart(join(dir, CARD_FILE), CARD_BYTES))?.toString() ?? '';
  const properties = /^---\r?\n([\s\S]*?)\n---/.exec(card)?.[1] ?? '';
  return /^license:\s*["']?([\w.+-]+)/m.exec(properties)?.[1];
}

/** The first bytes of a file; undefined if there is none. */
async function readStart(path: string, maxBytes: number): Promise<Buffer | undefined> {
  if (!(await exists(path))) return undefined;
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(maxBytes), 0, maxBytes, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isFile(),
    () => false,
  );

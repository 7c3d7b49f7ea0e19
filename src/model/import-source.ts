// What an import reads: an .onnx file and what is said about it.

import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, parse } from 'node:path';
import type { ClassLabel, ModelManifest, ModelVariant } from '../core/model/model.ts';
import { ImgclsError, readFault } from '../core/runtime/errors.ts';
import { LABELS_FILE, WEIGHTS_FILE } from './folder.ts';
import { withWordNetIds } from './hub/config.ts';
import { STARTER_MODEL } from './library.ts';
import { LABEL_LINES_FILE, type Recipe, readLabelLines, readLabels, readRecipe } from './recipe.ts';

export interface ImportSource {
  /** The .onnx file. */
  graph: string;
  /** It, to name in errors. */
  shownAs: string;
  /** Files with weights to which it refers. */
  data: readonly string[];
  recipe: Recipe | undefined;
  labels: ClassLabel[] | undefined;
  /** The file with the labels, to name in errors. */
  labelsFile: string;
  /** Of a model whose input does not say where its channels are. */
  layout?: ModelManifest['input']['layout'];
}

/** An .onnx file, or a folder with one, and what is beside it: `model.json`, `labels.json` or `labels.txt`. @throws {ImgclsError} */
export async function plainSource(path: string, bundledDir: string): Promise<ImportSource> {
  const graph = await weightsFile(path);
  const dir = dirname(graph);
  const plain = { graph, shownAs: graph, data: [], recipe: await readRecipe(dir) };
  const labels = await readLabels(dir);
  if (labels !== undefined) return { ...plain, labels, labelsFile: LABELS_FILE };
  const lines = await readLabelLines(dir);
  const imageNet = await readLabels(join(bundledDir, STARTER_MODEL));
  return { ...plain, labels: lines && withWordNetIds(lines, imageNet ?? []), labelsFile: LABEL_LINES_FILE };
}

async function weightsFile(path: string): Promise<string> {
  try {
    if (!(await stat(path)).isDirectory()) return path;
    const files = (await readdir(path)).filter((name) => name.endsWith('.onnx'));
    const [only, ...others] = files.includes(WEIGHTS_FILE) ? [WEIGHTS_FILE] : files;
    if (only === undefined) throw new ImgclsError('usage', `No .onnx file found in ${path}.`);
    if (others.length > 0)
      throw new ImgclsError('usage', `Several .onnx files found in ${path}. Name one of them.`);
    return join(path, only);
  } catch (cause) {
    if (cause instanceof ImgclsError) throw cause;
    throw new ImgclsError('usage', `Cannot read ${path}: ${readFault(cause)}.`, { cause });
  }
}

/** For example, `resnet50-fp32/model.onnx` and `resnet50-fp32.onnx` are both `resnet50`. */
export function nameOfFile(file: string, variant: ModelVariant): string {
  const { name: stem } = parse(file);
  const base = stem === 'model' ? basename(dirname(file)) : stem;
  return plainName(base).replace(new RegExp(`[._-](?:${variant}|qdq|quantized|quant)$`), '');
}

/** The characters of a text that a model's name may have. */
export const plainName = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/^[._-]+/, '');

/** The format holds no more in one file, and each core holds a copy. */
export const MAX_WEIGHTS_BYTES = 2 ** 31 - 1;

export const tooLarge = (file: string, bytes: number): ImgclsError =>
  new ImgclsError(
    'usage',
    `The weights ${file} have ${bytes} bytes; the limit is ${MAX_WEIGHTS_BYTES} bytes.`,
  );

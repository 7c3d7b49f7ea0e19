// Imports any ONNX image classifier into the library.

import { copyFile, mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import {
  type ClassLabel,
  type ModelManifest,
  type ModelVariant,
  modelTitle,
  preprocessing,
} from '../core/model/model.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import { FORMAT } from '../core/runtime/versioned.ts';
import { type CatalogEntry, recognize, STANDARD_PREPROCESSING } from './catalog.ts';
import {
  LABELS_FILE,
  MANIFEST_FILE,
  type ModelDescription,
  parseManifest,
  sha256OfFile,
  WEIGHTS_FILE,
} from './folder.ts';
import { type GateResult, gateText, writeGate } from './gate.ts';
import { embedData } from './hub/embed-data.ts';
import { hubSource } from './hub/folder.ts';
import { importZeroShot, isZeroShot } from './hub/zero-shot.ts';
import { type ImportSource, MAX_WEIGHTS_BYTES, nameOfFile, plainSource, tooLarge } from './import-source.ts';
import { type InspectedModel, inspectModel } from './inspect.ts';
import { installModel, stagingDir } from './install.ts';
import { checkedName, type ModelLibrary, STARTER_MODEL } from './library.ts';
import { precisionOf, requirePrecision } from './onnx/precision.ts';
import { LABEL_LINES_FILE, type Recipe, readLabels } from './recipe.ts';

export interface ImportOptions {
  library: ModelLibrary;
  /** Default: the recipe's, otherwise from the name of the file or its folder. */
  name?: string | undefined;
  /** The one that the weights must have. Default: the recipe's, otherwise any. */
  variant?: ModelVariant | undefined;
  /** Of a folder in the Hub's layout, as the Hub names it. Default: that of the variant. */
  precision?: string | undefined;
  /** Says more than the folder about where the model comes from. */
  origin?: Pick<ModelManifest, 'version' | 'licence' | 'source'> | undefined;
  /** The folder to name in errors, if `path` is a copy of it. */
  shownAs?: string | undefined;
  /** The accuracy gate: a variant that does not pass is not installed. Not called for fp32, which is the reference. */
  admit?(model: ModelDescription & { dir: string }): Promise<GateResult>;
}

export interface ImportedModel {
  dir: string;
  manifest: ModelManifest;
  /** Assumptions that were made, as sentences for people. */
  notices: string[];
}

/**
 * Imports an `.onnx` file, or a folder with one, with the `model.json` (complete or partial) and the `labels.json` or `labels.txt`
 * beside it.
 * The rest is determined by running the model, or is the standard ImageNet recipe, which a notice then mentions.
 * A folder in the Hub's layout has all of that in other files (hub/).
 * @throws {ImgclsError} that names what is missing or wrong. Nothing is installed then.
 */
export async function importModel(path: string, options: ImportOptions): Promise<ImportedModel> {
  const { modelsDir } = options.library;
  const from = resolve(path);
  if (await isZeroShot(from)) return await importWithTexts(from, options);
  const found = (await hubSource(from, options)) ?? (await plainSource(from, options.library.bundledDir));
  const source = { ...found, recipe: { ...found.recipe, ...options.origin } };
  await checkBytes(source);
  const staging = stagingDir(modelsDir);
  await mkdir(staging, { recursive: true });
  try {
    // Check the copy, not the original: a model with data in files that are not listed then fails to load here.
    const weights = join(staging, WEIGHTS_FILE);
    if (source.data.length > 0) await embedData(source, weights);
    else await copyFile(source.graph, weights);
    const draft = await describe(source, weights, options);
    const gate = await passGate(staging, draft, options);
    const dir = await installModel(modelsDir, { ...draft, weights: { path: weights, move: true } });
    if (gate !== undefined) await writeGate(dir, gate);
    return { dir, manifest: draft.manifest, notices: draft.notices };
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

async function importWithTexts(from: string, options: ImportOptions): Promise<ImportedModel> {
  const staging = stagingDir(options.library.modelsDir);
  await mkdir(staging, { recursive: true });
  try {
    return { ...(await importZeroShot(from, staging, options)), notices: [] };
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** @throws {ImgclsError} if the variant does not pass. */
async function passGate(
  dir: string,
  { manifest, labels }: ModelDescription,
  { admit }: ImportOptions,
): Promise<GateResult | undefined> {
  if (admit === undefined || manifest.variant === 'fp32') return undefined;
  await writeFile(join(dir, LABELS_FILE), JSON.stringify(labels));
  await writeFile(join(dir, MANIFEST_FILE), JSON.stringify(manifest));
  const result = await admit({ manifest, labels, dir });
  if (result.passed) return result;
  throw new ImgclsError(
    'permanent',
    `${modelTitle(manifest)} did not pass the accuracy gate: ${gateText(result)}.`,
    {
      hint: 'Quantise the model with more images, or accept a larger loss with --tolerance.',
    },
  );
}

async function checkBytes({ graph, data, shownAs }: ImportSource): Promise<void> {
  let bytes = 0;
  for (const file of [graph, ...data]) bytes += (await stat(file)).size;
  if (bytes > MAX_WEIGHTS_BYTES) throw tooLarge(shownAs, bytes);
}

/** Takes each value from the recipe, otherwise from the catalog, otherwise from the model, otherwise from the standard. */
async function describe(
  { graph, shownAs, recipe, labels, labelsFile, layout }: ImportSource,
  weights: string,
  options: ImportOptions,
): Promise<{ manifest: ModelManifest; labels: ClassLabel[]; notices: string[] }> {
  const sha256 = await sha256OfFile(weights);
  const known = recognize(sha256);
  const standard: Recipe = known ?? { preprocess: STANDARD_PREPROCESSING };
  const preprocess = preprocessing.parse({
    ...STANDARD_PREPROCESSING,
    ...standard.preprocess,
    ...recipe?.preprocess,
  });
  const output = recipe?.output?.name;
  const inspected = await inspectModel(weights, { cropSize: preprocess.cropSize, shownAs, layout, output });
  checkSize(inspected, preprocess.cropSize);
  if (known === undefined && recipe?.preprocess === undefined) checkStandard(inspected);
  const chosen = labels ?? (await standardLabels(inspected.classes, options.library.bundledDir));
  if (chosen.length !== inspected.classes) {
    throw new ImgclsError(
      'usage',
      `${labelsFile} has ${chosen.length} labels; the model has ${inspected.classes} classes.`,
    );
  }
  const precision = precisionOf(weights, shownAs);
  const { variant } = precision;
  requirePrecision(precision, options.variant ?? recipe?.variant, shownAs);
  const manifest: ModelManifest = {
    v: FORMAT,
    name: checkedName(options.name ?? recipe?.name ?? known?.name ?? nameOfFile(graph, variant)),
    version: recipe?.version ?? known?.version ?? sha256.slice(0, 12),
    variant,
    sha256,
    bytes: (await stat(weights)).size,
    licence: recipe?.licence ?? known?.licence ?? 'unknown',
    source: recipe?.source ?? `imported from ${basename(graph)}`,
    input: inspected.input,
    output: inspected.output,
    preprocess,
    activation: recipe?.activation ?? inspected.activation ?? notSaid(),
  };
  if (recipe?.temperature !== undefined) manifest.temperature = recipe.temperature;
  const accuracy = recipe?.accuracy ?? known?.accuracy;
  if (accuracy !== undefined) manifest.accuracy = accuracy;
  parseManifest(JSON.stringify(manifest));
  return { manifest, labels: chosen, notices: noticesOf(manifest, recipe, known, labels === undefined) };
}

function notSaid(): never {
  throw new ImgclsError(
    'usage',
    'The numbers that the model returns may be logits, or scores of labels of which any number are right.',
    {
      hint: 'Put a model.json beside it that says it: "activation": "softmax" (logits of which one is right), "sigmoid" (logits of which any number are right) or "none" (scores).',
    },
  );
}

function checkSize({ inputSize }: InspectedModel, cropSize: number): void {
  if (inputSize === undefined || inputSize === cropSize) return;
  throw new ImgclsError(
    'usage',
    `The model takes ${inputSize} x ${inputSize} pixels, but the recipe crops to ${cropSize}.`,
    {
      hint: `Put a model.json with "preprocess": { "resizeShortestSide": ..., "cropSize": ${inputSize} } beside it.`,
    },
  );
}

/** Models with interleaved input come from TensorFlow and have value ranges of their own: there is no standard. */
function checkStandard({ input }: InspectedModel): void {
  if (input.layout === 'NCHW') return;
  throw new ImgclsError(
    'usage',
    'The model takes interleaved channels (NHWC) and has no recipe for preparing images.',
    {
      hint: 'Put a model.json with "preprocess": { "mean": [...], "std": [...] } beside it.',
    },
  );
}

/** ImageNet's labels, from the bundled model. */
export async function standardLabels(classes: number, bundledDir: string): Promise<ClassLabel[]> {
  const labels = await readLabels(join(bundledDir, STARTER_MODEL));
  if (labels !== undefined && labels.length === classes) return labels;
  throw new ImgclsError('usage', `The model has ${classes} classes and no labels for them.`, {
    hint: `Put a ${LABEL_LINES_FILE} beside it, with one label a line, in the order of its outputs.`,
  });
}

function noticesOf(
  manifest: ModelManifest,
  recipe: Recipe | undefined,
  known: CatalogEntry | undefined,
  labelsAssumed: boolean,
): string[] {
  if (known !== undefined)
    return [`The file is ${modelTitle(known)} ${known.version} of the ONNX Model Zoo.`];
  const notices: string[] = [];
  if (recipe?.preprocess === undefined) {
    const { resizeShortestSide, cropSize } = manifest.preprocess;
    notices.push(
      `No recipe found beside the model. Images are prepared with the standard ImageNet recipe (shortest side ${resizeShortestSide}, centre ${cropSize}, RGB, mean and std of ImageNet). If labels are wrong, put a model.json beside the model.`,
    );
  }
  if (labelsAssumed)
    notices.push(
      `No ${LABELS_FILE} or ${LABEL_LINES_FILE} found beside the model. Its classes are assumed to be ImageNet's 1000.`,
    );
  return notices;
}

// Any ONNX image classifier -> a model of the library.

import { copyFile, mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, parse, resolve } from 'node:path';
import {
  type ClassLabel,
  type ModelManifest,
  type ModelVariant,
  modelTitle,
  preprocessing,
} from '../core/model/model.ts';
import { ImgclsError, readFault } from '../core/runtime/errors.ts';
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
import { detectVariant, type InspectedModel, inspectModel } from './inspect.ts';
import { installModel, stagingDir } from './install.ts';
import { checkedName, type ModelLibrary, STARTER_MODEL } from './library.ts';
import { type Recipe, readLabels, readRecipe } from './recipe.ts';

export interface ImportOptions {
  library: ModelLibrary;
  /** Else the recipe's, else by the name of the file or its folder. */
  name?: string | undefined;
  /** Else the recipe's, else by the operators in the weights. */
  variant?: ModelVariant | undefined;
  /** The accuracy gate: a variant that does not pass is not installed. Not asked of fp32, which is what others are compared with. */
  admit?(model: ModelDescription & { dir: string }): Promise<GateResult>;
}

export interface ImportedModel {
  dir: string;
  manifest: ModelManifest;
  /** What was taken for granted, for people. */
  notices: string[];
}

/**
 * Imports an `.onnx` file, or a folder with one, with the `model.json` (whole or in part) and `labels.json` beside it. What
 * these leave open is found out by running the model, or is the standard ImageNet recipe, which a notice then says.
 * @throws {ImgclsError} that says what is missing or wrong; nothing is installed then.
 */
export async function importModel(path: string, options: ImportOptions): Promise<ImportedModel> {
  const { modelsDir } = options.library;
  const file = await weightsFile(resolve(path));
  const beside = dirname(file);
  const [given, labels] = [await readRecipe(beside), await readLabels(beside)];
  const staging = stagingDir(modelsDir);
  await mkdir(staging, { recursive: true });
  try {
    // All is checked on the copy: a model with data in further files shows here that it cannot be used.
    const weights = join(staging, WEIGHTS_FILE);
    await copyFile(file, weights);
    const draft = await describe(file, weights, given, labels, options);
    const gate = await passGate(staging, draft, options);
    const dir = await installModel(modelsDir, { ...draft, weights: { path: weights, move: true } });
    if (gate !== undefined) await writeGate(dir, gate);
    return { dir, manifest: draft.manifest, notices: draft.notices };
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** @throws {ImgclsError} where the variant does not pass. */
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
  throw new ImgclsError('permanent', `${modelTitle(manifest)} is refused: ${gateText(result)}.`, {
    hint: 'Quantise it with more photographs, or allow for more with --tolerance.',
  });
}

async function weightsFile(path: string): Promise<string> {
  try {
    if (!(await stat(path)).isDirectory()) return path;
    const files = (await readdir(path)).filter((name) => name.endsWith('.onnx'));
    const [only, ...others] = files.includes(WEIGHTS_FILE) ? [WEIGHTS_FILE] : files;
    if (only === undefined) throw new ImgclsError('usage', `There is no .onnx file in ${path}.`);
    if (others.length > 0) throw new ImgclsError('usage', `Several .onnx files are in ${path}: name one.`);
    return join(path, only);
  } catch (cause) {
    if (cause instanceof ImgclsError) throw cause;
    throw new ImgclsError('usage', `Cannot read ${path}: ${readFault(cause)}.`, { cause });
  }
}

/** Recipe, then what is known of this very file, then what the model shows, then the standard. */
async function describe(
  file: string,
  weights: string,
  given: Recipe | undefined,
  labels: ClassLabel[] | undefined,
  options: ImportOptions,
): Promise<{ manifest: ModelManifest; labels: ClassLabel[]; notices: string[] }> {
  const sha256 = await sha256OfFile(weights);
  const known = recognize(sha256);
  const standard: Recipe = known ?? { preprocess: STANDARD_PREPROCESSING };
  const preprocess = preprocessing.parse({
    ...STANDARD_PREPROCESSING,
    ...standard.preprocess,
    ...given?.preprocess,
  });
  const inspected = await inspectModel(weights, preprocess.cropSize, file);
  checkSize(inspected, preprocess.cropSize);
  if (known === undefined && given?.preprocess === undefined) checkStandard(inspected);
  const chosen = labels ?? (await standardLabels(inspected.classes, options.library.bundledDir));
  if (chosen.length !== inspected.classes) {
    throw new ImgclsError(
      'usage',
      `${LABELS_FILE} has ${chosen.length} labels; the model has ${inspected.classes} classes.`,
    );
  }
  const variant = options.variant ?? given?.variant ?? known?.variant ?? (await detectVariant(weights));
  const manifest: ModelManifest = {
    v: FORMAT,
    name: checkedName(options.name ?? given?.name ?? known?.name ?? nameOf(file, variant)),
    version: given?.version ?? known?.version ?? sha256.slice(0, 12),
    variant,
    sha256,
    bytes: (await stat(weights)).size,
    licence: given?.licence ?? known?.licence ?? 'unknown',
    source: given?.source ?? `imported from ${basename(file)}`,
    input: inspected.input,
    output: inspected.output,
    preprocess,
    activation: given?.activation ?? inspected.activation,
  };
  const accuracy = given?.accuracy ?? known?.accuracy;
  if (accuracy !== undefined) manifest.accuracy = accuracy;
  parseManifest(JSON.stringify(manifest));
  return { manifest, labels: chosen, notices: noticesOf(manifest, given, known, labels === undefined) };
}

function checkSize({ inputSize }: InspectedModel, cropSize: number): void {
  if (inputSize === undefined || inputSize === cropSize) return;
  throw new ImgclsError(
    'usage',
    `The model takes ${inputSize} x ${inputSize} pixels, the recipe gives ${cropSize}.`,
    {
      hint: `Put a model.json with "preprocess": { "resizeShortestSide": ..., "cropSize": ${inputSize} } beside it.`,
    },
  );
}

/** Interleaved input comes from TensorFlow, whose models have ranges of their own: none can be taken for granted. */
function checkStandard({ input }: InspectedModel): void {
  if (input.layout === 'NCHW') return;
  throw new ImgclsError(
    'usage',
    'The model takes interleaved channels (NHWC), and nothing says how to prepare images.',
    {
      hint: 'Put a model.json with "preprocess": { "mean": [...], "std": [...] } beside it.',
    },
  );
}

/** ImageNet's, as the bundled model has them. */
export async function standardLabels(classes: number, bundledDir: string): Promise<ClassLabel[]> {
  const labels = await readLabels(join(bundledDir, STARTER_MODEL));
  if (labels !== undefined && labels.length === classes) return labels;
  throw new ImgclsError('usage', `The model has ${classes} classes, and nothing says what they are called.`, {
    hint: `Put a ${LABELS_FILE} beside it: [{ "wnid": "n01440764", "label": "tench" }, ...], one for each class in order.`,
  });
}

/** `resnet50-fp32/model.onnx` and `resnet50-fp32.onnx` are both `resnet50`. */
function nameOf(file: string, variant: ModelVariant): string {
  const { name: stem } = parse(file);
  const base = stem === 'model' ? basename(dirname(file)) : stem;
  const plain = base.toLowerCase().replace(/[^a-z0-9._-]+/g, '-');
  return plain.replace(new RegExp(`[._-](?:${variant}|qdq|quantized|quant)$`), '').replace(/^[._-]+/, '');
}

function noticesOf(
  manifest: ModelManifest,
  given: Recipe | undefined,
  known: CatalogEntry | undefined,
  labelsAssumed: boolean,
): string[] {
  if (known !== undefined)
    return [`The file is ${modelTitle(known)} ${known.version} of the ONNX Model Zoo.`];
  const notices: string[] = [];
  if (given?.preprocess === undefined) {
    const { resizeShortestSide, cropSize } = manifest.preprocess;
    notices.push(
      `No recipe beside the model: images are prepared the standard ImageNet way (shortest side ${resizeShortestSide}, centre ${cropSize}, RGB, mean and std of ImageNet). If labels come out wrong, give a model.json.`,
    );
  }
  if (labelsAssumed)
    notices.push(`No ${LABELS_FILE} beside the model: its classes are taken for ImageNet's 1000.`);
  return notices;
}

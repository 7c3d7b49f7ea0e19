// A model that compares images with texts (CLIP, SigLIP), in the layout of the Hugging Face Hub: its two sides in
// vision_model.onnx and text_model.onnx, a tokenizer, and model.onnx with both, which knows the scale of their comparison.

import { copyFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import * as z from 'zod';
import type { ModelManifest, ModelVariant, Preprocessing } from '../../core/model/model.ts';
import { ImgclsError } from '../../core/runtime/errors.ts';
import { FORMAT, firstIssue } from '../../core/runtime/versioned.ts';
import { testImage } from '../check.ts';
import {
  parseManifest,
  sha256OfFile,
  TEXT_FILE,
  TOKENIZER_CONFIG_FILE,
  TOKENIZER_FILE,
  WEIGHTS_FILE,
} from '../folder.ts';
import { plainName } from '../import-source.ts';
import { installModel } from '../install.ts';
import { checkedName, type ModelLibrary } from '../library.ts';
import { precisionOf, requirePrecision } from '../onnx/precision.ts';
import { openNamedSession } from '../session.ts';
import { unitVector } from '../words/compare.ts';
import { openTokenizer, textInputs } from '../words/text-side.ts';
import { CONFIG_FILE } from './config.ts';
import { embedData } from './embed-data.ts';
import { licenceOf, pathsBelow, readJson, readProcessor } from './folder.ts';
import { filesOfSides, type WeightsFiles } from './layout.ts';

type ZeroShot = NonNullable<ModelManifest['zeroShot']>;

interface Kind {
  activation: ModelManifest['activation'];
  template: string;
  /** Of models whose config.json does not say it. */
  maxTokens: number;
  /** Outputs with the vectors of an image and of a text. */
  outputs: { image: string; text: string };
  /** Texts are filled up to `maxTokens`, as in the training. */
  isFilled: boolean;
  hasBias: boolean;
}

/** By `model_type`. */
const KINDS: Readonly<Record<string, Kind>> = {
  clip: {
    activation: 'softmax',
    template: 'a photo of a {}',
    maxTokens: 77,
    outputs: { image: 'image_embeds', text: 'text_embeds' },
    isFilled: false,
    hasBias: false,
  },
  siglip: {
    activation: 'sigmoid',
    template: 'This is a photo of {}.',
    maxTokens: 64,
    outputs: { image: 'pooler_output', text: 'pooler_output' },
    isFilled: true,
    hasBias: true,
  },
};

const typed = z.object({ model_type: z.string(), architectures: z.array(z.string()).optional() });

const config = z.object({
  text_config: z.object({ max_position_embeddings: z.int().min(2).max(4096).optional() }).optional(),
});

const tokenizerConfig = z.object({ pad_token: z.unknown(), tokenizer_class: z.unknown() });

/** SigLIP 2 was trained with texts in lower case. Its tokenizer is that of Gemma, which leaves them as they are. */
const isOfSigLip2 = (tokenizerClass: unknown): boolean =>
  typeof tokenizerClass === 'string' && /^(Gemma|Siglip2)Tokenizer(Fast)?$/.test(tokenizerClass);

/** Texts with different logits: the scale is found from them. */
const TEXTS = ['a cat', 'an old car in the rain', 'blue', 'a page of a book', 'mountains'];
/** As many as the numbers of the model have. */
const SIGNIFICANT_DIGITS = 6;
/** The two sides and the whole model, which may be quantised each, agree within so much of the cosine. */
const TOLERANCE = 0.02;

export interface ZeroShotOptions {
  library: ModelLibrary;
  name?: string | undefined;
  variant?: ModelVariant | undefined;
  precision?: string | undefined;
  /** Says more than the folder about where the model comes from. */
  origin?: Pick<ModelManifest, 'version' | 'licence' | 'source'> | undefined;
  /** The folder to name in errors, if it is a copy. */
  shownAs?: string | undefined;
}

/** Whether the folder has such a model. */
export async function isZeroShot(dir: string): Promise<boolean> {
  return kindOf(await readJson(dir, CONFIG_FILE, dir)) !== undefined;
}

function kindOf(config: unknown): Kind | undefined {
  const parsed = typed.safeParse(config);
  if (!parsed.success) return undefined;
  const { model_type: type, architectures = [] } = parsed.data;
  // There are image classifiers of these types, too.
  const isClassifier = architectures.some((name) => name.includes('ForImageClassification'));
  return Object.hasOwn(KINDS, type) && !isClassifier ? KINDS[type] : undefined;
}

/**
 * Installs such a model.
 * @param staging a folder for work in progress, on the disk of the library.
 * @throws {ImgclsError} that names the file that is missing or wrong.
 */
export async function importZeroShot(
  dir: string,
  staging: string,
  { library, name, variant, precision = variant, origin, shownAs = dir }: ZeroShotOptions,
): Promise<{ dir: string; manifest: ModelManifest }> {
  const { kind, preprocess } = await readZeroShot(dir, shownAs);
  const files = filesOfSides(await pathsBelow(dir), precision, shownAs);
  const from = { dir, shownAs };
  const weights = await gather(from, files.vision, join(staging, WEIGHTS_FILE));
  const text = await gather(from, files.text, join(staging, TEXT_FILE));
  const whole = await gather(from, files.whole, join(staging, 'whole.onnx'));
  for (const file of [TOKENIZER_FILE, TOKENIZER_CONFIG_FILE])
    await copyFile(join(dir, file), join(staging, file));
  const sides = { weights, text, whole, tokenizer: await openTokenizer(staging) };
  const zeroShot = await measured(kind, sides, await textSettings(from, kind, sides), preprocess.cropSize);
  const graph = join(shownAs, files.vision.graph);
  const found = precisionOf(weights, graph);
  if (precision !== undefined) requirePrecision(found, files.vision.variant, graph);
  const sha256 = await sha256OfFile(weights);
  const manifest: ModelManifest = {
    v: FORMAT,
    name: checkedName(name ?? plainName(basename(dir))),
    version: sha256.slice(0, 12),
    variant: found.variant,
    sha256,
    bytes: (await stat(weights)).size,
    licence: (await licenceOf(dir)) ?? 'unknown',
    source: `imported from ${basename(files.vision.graph)}`,
    ...origin,
    input: { name: 'pixel_values', layout: 'NCHW' },
    output: { name: kind.outputs.image },
    preprocess,
    activation: kind.activation,
    zeroShot,
  };
  parseManifest(JSON.stringify(manifest));
  const others = [TEXT_FILE, TOKENIZER_FILE, TOKENIZER_CONFIG_FILE].map((file) => join(staging, file));
  const installed = await installModel(library.modelsDir, {
    manifest,
    labels: [],
    weights: { path: weights, move: true },
    others,
  });
  return { dir: installed, manifest };
}

/** What the settings say; also before there are weights. @throws {ImgclsError} of kind `usage`. */
export async function readZeroShot(
  dir: string,
  shownAs: string,
): Promise<{ kind: Kind; preprocess: Preprocessing }> {
  const config = await readJson(dir, CONFIG_FILE, shownAs);
  const kind = kindOf(config);
  if (kind === undefined)
    throw new ImgclsError(
      'usage',
      `${join(shownAs, CONFIG_FILE)}: this is not a model of the kind of ${Object.keys(KINDS).join(' or ')}.`,
    );
  return { kind, preprocess: await readProcessor(dir, config, shownAs) };
}

interface Folder {
  dir: string;
  /** To name in errors. */
  shownAs: string;
}

/** One file of the graph and its data. @returns `to`. */
async function gather({ dir, shownAs }: Folder, files: WeightsFiles, to: string): Promise<string> {
  const graph = join(dir, files.graph);
  const data = files.data.map((path) => join(dir, path));
  if (data.length > 0) await embedData({ graph, data, shownAs: join(shownAs, files.graph) }, to);
  else await copyFile(graph, to);
  return to;
}

interface Sides {
  weights: string;
  text: string;
  whole: string;
  tokenizer: Awaited<ReturnType<typeof openTokenizer>>;
}

async function textSettings(
  { dir, shownAs }: Folder,
  kind: Kind,
  { tokenizer }: Sides,
): Promise<ZeroShot['text']> {
  const parsed = config.safeParse(await readJson(dir, CONFIG_FILE, shownAs));
  if (!parsed.success)
    throw new ImgclsError('usage', `${join(shownAs, CONFIG_FILE)}: ${firstIssue(parsed.error)}.`);
  const { max_position_embeddings: maxTokens = kind.maxTokens } = parsed.data.text_config ?? {};
  const text = { output: kind.outputs.text, maxTokens };
  if (!kind.isFilled) return text;
  const { pad_token: pad, tokenizer_class: tokenizerClass } = tokenizerConfig.parse(
    await readJson(dir, TOKENIZER_CONFIG_FILE, shownAs),
  );
  const fillToken = typeof pad === 'string' ? tokenizer.token_to_id(pad) : undefined;
  if (fillToken === undefined)
    throw new ImgclsError(
      'usage',
      `${join(shownAs, TOKENIZER_CONFIG_FILE)}: pad_token is missing, with which texts are filled up.`,
    );
  return { ...text, fillToken, ...(isOfSigLip2(tokenizerClass) && { isLowerCase: true }) };
}

/** Runs the two sides and the whole model on a made-up image and some texts, and finds scale and bias from the logits. */
async function measured(
  kind: Kind,
  { weights, text, whole, tokenizer }: Sides,
  settings: ZeroShot['text'],
  side: number,
): Promise<ZeroShot> {
  const image = { pixel_values: { floats: testImage(3 * side * side), shape: [1, 3, side, side] } };
  const texts = TEXTS.map((each) => textInputs(tokenizer, each, settings));
  const [imageVector = new Float32Array()] = await runEach(weights, [image], kind.outputs.image);
  const textVectors = await runEach(text, texts, settings.output);
  const logits = await runEach(
    whole,
    texts.map((each) => ({ ...each, ...image })),
    'logits_per_image',
  );
  const points = textVectors.map((vector, at) => ({
    cosine: cosineOf(unitVector(imageVector), unitVector(vector)),
    logit: logits[at]?.[0] ?? Number.NaN,
  }));
  const { scale, bias } = kind.hasBias ? lineThrough(points) : { scale: slopeThrough(points), bias: 0 };
  const isRight = points.every(
    ({ cosine, logit }) => Math.abs(cosine * scale + bias - logit) < TOLERANCE * scale,
  );
  if (!isRight)
    throw new ImgclsError(
      'usage',
      'The logits of model.onnx are not those of vision_model.onnx and text_model.onnx.',
    );
  return {
    length: imageVector.length,
    scale: Number(scale.toPrecision(SIGNIFICANT_DIGITS)),
    bias: Number(bias.toPrecision(SIGNIFICANT_DIGITS)),
    template: kind.template,
    text: settings,
  };
}

async function runEach(
  path: string,
  inputs: readonly Parameters<Awaited<ReturnType<typeof openNamedSession>>['run']>[0][],
  output: string,
): Promise<Float32Array[]> {
  const session = await openNamedSession(path);
  try {
    if (!session.outputs.includes(output))
      throw new ImgclsError(
        'usage',
        `${basename(path)} has no output ${output}, only ${session.outputs.join(', ')}.`,
      );
    const results: Float32Array[] = [];
    for (const each of inputs) results.push(Float32Array.from(await session.run(each, output)));
    return results;
  } finally {
    await session.dispose();
  }
}

interface Point {
  cosine: number;
  logit: number;
}

const cosineOf = (a: Float32Array, b: Float32Array): number =>
  a.reduce((sum, value, at) => sum + value * (b[at] ?? Number.NaN), 0);

const slopeThrough = (points: readonly Point[]): number =>
  points.reduce((sum, { cosine, logit }) => sum + cosine * logit, 0) /
  points.reduce((sum, { cosine }) => sum + cosine * cosine, 0);

/** Least squares. */
function lineThrough(points: readonly Point[]): { scale: number; bias: number } {
  const mean = (of: keyof Point) => points.reduce((sum, point) => sum + point[of], 0) / points.length;
  const [cosine, logit] = [mean('cosine'), mean('logit')];
  const scale = slopeThrough(
    points.map((point) => ({ cosine: point.cosine - cosine, logit: point.logit - logit })),
  );
  return { scale, bias: logit - scale * cosine };
}

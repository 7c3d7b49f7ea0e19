// The layout of a model in a repository of the Hugging Face Hub, which transformers.js and Optimum write:
// config.json, preprocessor_config.json, and weights in onnx/ or beside them.
//
// A model that compares images with texts has its two sides in vision_model.onnx and text_model.onnx, a tokenizer, and
// model.onnx with both sides.
//
// It covers weights of 32 or 16 bits or quantised to 8 bits, in one file or with their data beside it.

import type { ModelVariant } from '../../core/model/model.ts';
import { ImgclsError } from '../../core/runtime/errors.ts';
import { harmless } from '../../core/text/harmless.ts';
import { TOKENIZER_CONFIG_FILE, TOKENIZER_FILE } from '../folder.ts';

/** A precision as the Hub names it, and what comes after the name of its file. The first one that exists is taken. */
const PRECISIONS: Readonly<Record<string, { suffixes: readonly string[]; variant: ModelVariant }>> = {
  fp32: { suffixes: [''], variant: 'fp32' },
  // CPUs compute with them in 32 bits.
  fp16: { suffixes: ['_fp16'], variant: 'fp32' },
  int8: { suffixes: ['_int8', '_quantized'], variant: 'int8' },
  q8: { suffixes: ['_quantized'], variant: 'int8' },
  quantized: { suffixes: ['_quantized'], variant: 'int8' },
  uint8: { suffixes: ['_uint8'], variant: 'int8' },
};

/** After the name of the graph. Nothing else: the paths are those of a stranger, and become paths of this machine. */
const DATA_SUFFIX = /^(?:_data(?:_\d{1,4})?|\.data)$/;

export interface WeightsFiles {
  /** The .onnx file, below the repository. */
  graph: string;
  /** Files with weights that are too large for it. */
  data: string[];
  variant: ModelVariant;
}

/**
 * Chooses the files with the weights of a precision; by default those of 32 bits, otherwise the quantised ones.
 * @param paths of all files of the repository, with `/`.
 * @param shownAs the repository to name in errors.
 * @param stem of the file's name: `vision_model` is the one side of a model that compares images with texts.
 * @throws {ImgclsError} of kind `usage` if there are none.
 */
export function weightsFiles(
  paths: readonly string[],
  precision: string | undefined,
  shownAs: string,
  stem = 'model',
): WeightsFiles {
  const wanted = precision === undefined ? ['fp32', 'q8'] : [precision];
  for (const each of wanted) {
    const known = Object.hasOwn(PRECISIONS, each) ? PRECISIONS[each] : undefined;
    if (known === undefined)
      throw new ImgclsError('usage', `Cannot run weights of precision "${each}".`, {
        hint: `imgcls runs ${Object.keys(PRECISIONS).join(', ')}. On CPUs those of 8 bits are faster than those of 4.`,
      });
    const graph = known.suffixes
      .flatMap((suffix) => [`onnx/${stem}${suffix}.onnx`, `${stem}${suffix}.onnx`])
      .find((path) => paths.includes(path));
    if (graph === undefined) continue;
    const data = paths.filter((path) => path.startsWith(graph) && DATA_SUFFIX.test(path.slice(graph.length)));
    return { graph, data, variant: known.variant };
  }
  throw missingWeights(paths, precision, shownAs, stem);
}

function missingWeights(
  paths: readonly string[],
  precision: string | undefined,
  shownAs: string,
  stem: string,
): ImgclsError {
  const named = paths.map(harmless);
  const graphs = named.filter((path) => path.endsWith('.onnx'));
  if (graphs.length > 0)
    return new ImgclsError(
      'usage',
      `${shownAs} has no ${precision === undefined ? `onnx/${stem}.onnx` : `ONNX weights of precision ${precision}`}, only ${graphs.slice(0, 5).join(', ')}.`,
    );
  const others = named.filter((path) => /\.(safetensors|bin|h5|msgpack|pt|pth|keras|tflite)$/.test(path));
  return new ImgclsError(
    'usage',
    `${shownAs} has no ONNX weights${others.length > 0 ? `, only ${others.slice(0, 5).join(', ')}` : ''}.`,
    {
      hint: 'Look for the model in onnx-community, or export it: optimum-cli export onnx --model MODEL FOLDER',
    },
  );
}

/** The weights of a model that compares images with texts. */
export interface BothSides {
  vision: WeightsFiles;
  text: WeightsFiles;
  /** Both sides in one graph, which knows the scale of their comparison. */
  whole: WeightsFiles;
}

export const hasSides = (paths: readonly string[]): boolean =>
  paths.some((path) => /^(?:onnx\/)?vision_model\w*\.onnx$/.test(path));

/**
 * @param precision of the image side, which runs for each image. The others have the best that there is.
 * @throws {ImgclsError} of kind `usage` that names the file that is missing.
 */
export function filesOfSides(
  paths: readonly string[],
  precision: string | undefined,
  shownAs: string,
): BothSides {
  for (const file of [TOKENIZER_FILE, TOKENIZER_CONFIG_FILE])
    if (!paths.includes(file))
      throw new ImgclsError('usage', `${shownAs} has no ${file}, which says how to read labels.`);
  const vision = weightsFiles(paths, precision, shownAs, 'vision_model');
  const text = weightsFiles(paths, undefined, shownAs, 'text_model');
  try {
    return { vision, text, whole: weightsFiles(paths, undefined, shownAs) };
  } catch (cause) {
    throw new ImgclsError(
      'usage',
      `${shownAs} does not say logit_scale: it has no onnx/model.onnx with both sides.`,
      { cause },
    );
  }
}

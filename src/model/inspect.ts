// Determines the input and output of an ONNX file by loading and running it.

import { createReadStream } from 'node:fs';
import type { ModelManifest, ModelVariant } from '../core/model/model.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import { testImage } from './check.ts';
import { openSession, type TensorShape } from './session.ts';

export interface InspectedModel {
  input: ModelManifest['input'];
  output: ModelManifest['output'];
  /** Width and height of the input; undefined if the model takes any size. */
  inputSize: number | undefined;
  /** How many numbers the model returns for one image. */
  classes: number;
  /** `none` if the model returns probabilities. */
  activation: ModelManifest['activation'];
}

const SUM_TOLERANCE = 1e-3;

export interface InspectOptions {
  /** Used if the model takes any size. */
  cropSize: number;
  /** The file to name in errors, if `path` is a copy of it. */
  shownAs: string;
  /** Used if no dimension of the input is 3. */
  layout?: ModelManifest['input']['layout'] | undefined;
}

/**
 * Loads a model and runs it on one synthetic image.
 * @throws {ImgclsError} of kind `permanent` if it is not an ONNX model or not an image classifier.
 */
export async function inspectModel(path: string, options: InspectOptions): Promise<InspectedModel> {
  const session = await openSession(path, options.shownAs);
  try {
    const { name, layout, size } = imageInput(session.inputs, options.layout);
    const output = session.outputs[0];
    if (output === undefined) throw notAClassifier('it has no output');
    const side = size ?? options.cropSize;
    const shape = layout === 'NCHW' ? [3, side, side] : [side, side, 3];
    const scores = await session.run(testImage(3 * side * side), 1, shape);
    if (!scores.every(Number.isFinite)) throw notAClassifier('it returns numbers that are not finite');
    return {
      input: { name, layout },
      output: { name: output.name },
      inputSize: size,
      classes: scores.length,
      activation: areProbabilities(scores) ? 'none' : 'softmax',
    };
  } finally {
    await session.dispose();
  }
}

function imageInput(inputs: readonly TensorShape[], assumed: InspectOptions['layout']) {
  const [input] = inputs;
  if (input === undefined || inputs.length !== 1)
    throw notAClassifier(`it has ${inputs.length} inputs, not one`);
  const { name, type, shape } = input;
  const [, second, third, fourth] = shape;
  const shown = `${type} [${shape.map((size) => size ?? '?').join(', ')}]`;
  if (type !== 'float32' || shape.length !== 4) throw notAClassifier(`its input is ${shown}`);
  const isUnknown = second === undefined && fourth === undefined;
  const layout = second === 3 ? 'NCHW' : fourth === 3 ? 'NHWC' : isUnknown ? assumed : undefined;
  if (layout === undefined) throw notAClassifier(`its input is ${shown}, without a dimension of 3 channels`);
  const [height, width] = layout === 'NCHW' ? [third, fourth] : [second, third];
  if (height !== width) throw notAClassifier(`its input is ${shown}, which is not square`);
  return { name, layout, size: width };
}

function areProbabilities(scores: Float32Array): boolean {
  let sum = 0;
  for (const score of scores) {
    if (!(score >= 0 && score <= 1)) return false;
    sum += score;
  }
  return Math.abs(sum - 1) < SUM_TOLERANCE;
}

function notAClassifier(why: string): ImgclsError {
  return new ImgclsError('permanent', `The model is not a usable image classifier: ${why}.`, {
    hint: 'A model must take one float32 input, [N, 3, side, side] or [N, side, side, 3], and return [N, classes].',
  });
}

/** Operators that occur only in quantised models. */
const QUANTISED = ['QLinearConv', 'QLinearMatMul', 'ConvInteger', 'MatMulInteger', 'DequantizeLinear'];

/**
 * Detects by the names of operators whether a model is quantised. The runtime does not expose the graph, so this searches
 * the file for the `op_type` field of a node (protobuf: field 4, length, text), which does not occur there by chance.
 */
export async function detectVariant(path: string): Promise<ModelVariant> {
  const needles = QUANTISED.map((operator) =>
    Buffer.from(`\x22${String.fromCharCode(operator.length)}${operator}`),
  );
  const overlap = Math.max(...needles.map(({ length }) => length)) - 1;
  let tail: Buffer = Buffer.alloc(0);
  for await (const chunk of createReadStream(path, { highWaterMark: 4 * 1024 * 1024 })) {
    const window = Buffer.concat([tail, chunk as Buffer]);
    if (needles.some((needle) => window.includes(needle))) return 'int8';
    tail = window.subarray(-overlap);
  }
  return 'fp32';
}

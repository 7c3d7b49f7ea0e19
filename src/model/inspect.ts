// What an ONNX file takes and gives, found out by loading and running it.

import { createReadStream } from 'node:fs';
import type { ModelManifest, ModelVariant } from '../core/model/model.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import { testImage } from './check.ts';
import { openSession, type TensorShape } from './session.ts';

export interface InspectedModel {
  input: ModelManifest['input'];
  output: ModelManifest['output'];
  /** Width and height of the input; undefined where the model takes any. */
  inputSize: number | undefined;
  /** Numbers that the model gives for one image. */
  classes: number;
  /** `none` where what it gives are probabilities. */
  activation: ModelManifest['activation'];
}

const SUM_TOLERANCE = 1e-3;

/**
 * Loads a model and runs it on one made-up image.
 * @param shownAs the file that a person knows, where `path` is a copy of it.
 * @param cropSize tried where the model takes any size.
 * @throws {ImgclsError} of kind `permanent` when it is no ONNX model or no image classifier.
 */
export async function inspectModel(path: string, cropSize: number, shownAs = path): Promise<InspectedModel> {
  const session = await openSession(path, shownAs);
  try {
    const { name, layout, size } = imageInput(session.inputs);
    const output = session.outputs[0];
    if (output === undefined) throw notAClassifier('it has no output');
    const side = size ?? cropSize;
    const shape = layout === 'NCHW' ? [3, side, side] : [side, side, 3];
    const scores = await session.run(testImage(3 * side * side), 1, shape);
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

function imageInput(inputs: readonly TensorShape[]) {
  const [input] = inputs;
  if (input === undefined || inputs.length !== 1)
    throw notAClassifier(`it has ${inputs.length} inputs, not one`);
  const { name, type, shape } = input;
  const [, second, third, fourth] = shape;
  const shown = `${type} [${shape.map((size) => size ?? '?').join(', ')}]`;
  if (type !== 'float32' || shape.length !== 4) throw notAClassifier(`its input is ${shown}`);
  const layout = second === 3 ? ('NCHW' as const) : fourth === 3 ? ('NHWC' as const) : undefined;
  if (layout === undefined) throw notAClassifier(`its input is ${shown}: no side of 3 channels`);
  const [height, width] = layout === 'NCHW' ? [third, fourth] : [second, third];
  if (height !== width) throw notAClassifier(`its input is ${shown}: not square`);
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
  return new ImgclsError('permanent', `The model is no image classifier that can be used: ${why}.`, {
    hint: 'It takes one float32 input, [N, 3, side, side] or [N, side, side, 3], and gives [N, classes].',
  });
}

/** Operators that only quantised models have. */
const QUANTISED = ['QLinearConv', 'QLinearMatMul', 'ConvInteger', 'MatMulInteger', 'DequantizeLinear'];

/**
 * Tells by the operators' names whether a model is quantised. The runtime shows no graph, so the file's bytes are searched
 * for a node's `op_type` field (protobuf: field 4, length, text); nothing else in a model looks like that by chance.
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

// Determines the input and output of an ONNX file by loading and running it.

import type { ModelManifest } from '../core/model/model.ts';
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
  /**
   * `none` if the model returns probabilities of classes of which one is right. Undefined if the numbers may be logits or
   * scores of labels of which any number are right.
   */
  activation: 'none' | 'softmax' | undefined;
}

const SUM_TOLERANCE = 1e-3;

export interface InspectOptions {
  /** Used if the model takes any size. */
  cropSize: number;
  /** The file to name in errors, if `path` is a copy of it. */
  shownAs: string;
  /** Used if no dimension of the input is 3. */
  layout?: ModelManifest['input']['layout'] | undefined;
  /** The name of the output with a number for each class. Default: the only one, or `logits`. */
  output?: string | undefined;
}

/**
 * Loads a model and runs it on one synthetic image.
 * @throws {ImgclsError} of kind `permanent` if it is not an ONNX model or not an image classifier.
 */
export async function inspectModel(path: string, options: InspectOptions): Promise<InspectedModel> {
  const session = await openSession(path, options.shownAs);
  try {
    const { name, layout, size } = imageInput(session.inputs, options.layout);
    const output = classesOutput(session.outputs, options.output);
    const side = size ?? options.cropSize;
    const shape = layout === 'NCHW' ? [3, side, side] : [side, side, 3];
    const scores = await session.run(testImage(3 * side * side), 1, shape, output);
    if (!scores.every(Number.isFinite)) throw notAClassifier('it returns numbers that are not finite');
    return {
      input: { name, layout },
      output: { name: output },
      inputSize: size,
      classes: scores.length,
      activation: activationOf(scores),
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

/** Exports of the Hugging Face Hub call it so, among others with inner values. */
const USUAL_OUTPUT = 'logits';

function classesOutput(outputs: readonly TensorShape[], wanted: string | undefined): string {
  const names = outputs.map(({ name }) => name);
  const chosen = wanted ?? (names.length === 1 ? names[0] : USUAL_OUTPUT);
  if (chosen !== undefined && names.includes(chosen)) return chosen;
  const all = `its outputs are ${names.join(', ')}`;
  throw wanted === undefined
    ? notAClassifier(`${all}`, 'Say in a model.json which one has the classes: "output": { "name": ... }.')
    : notAClassifier(`${all}, not ${wanted}`);
}

function activationOf(scores: Float32Array): InspectedModel['activation'] {
  if (!scores.every((score) => score >= 0 && score <= 1)) return scores.length === 1 ? undefined : 'softmax';
  const sum = scores.reduce((total, score) => total + score, 0);
  return scores.length > 1 && Math.abs(sum - 1) < SUM_TOLERANCE ? 'none' : undefined;
}

function notAClassifier(
  why: string,
  hint = 'A model must take one float32 input, [N, 3, side, side] or [N, side, side, 3], and return [N, classes].',
): ImgclsError {
  return new ImgclsError('permanent', `The model is not a usable image classifier: ${why}.`, { hint });
}

// Reads from the graph of an .onnx file which precision its weights have. The runtime does not expose the graph.

import { closeSync, fstatSync, openSync } from 'node:fs';
import type { ModelVariant } from '../../core/model/model.ts';
import { ImgclsError } from '../../core/runtime/errors.ts';
import { fieldsAt, type Place, textAt } from './message.ts';

/** Numbers of fields in onnx.proto. */
const MODEL = { graph: 7, functions: 25 };
const GRAPH = { node: 1, initializer: 5 };
const FUNCTION = { node: 7 };
const NODE = { operator: 4, attribute: 5 };
const ATTRIBUTE = { graph: 6, graphs: 11 };
const TENSOR = { type: 2 };

/** Operators that occur only in models whose weights or values have 8 bits. */
const QUANTISED = new Set([
  ...['DequantizeLinear', 'DynamicQuantizeLinear', 'DynamicQuantizeMatMul', 'MatMulIntegerToFloat'],
  ...['QLinearConv', 'QLinearMatMul', 'QGemm', 'QAttention', 'ConvInteger', 'MatMulInteger'],
]);
/** Types of numbers of 4 bits. */
const FOUR_BITS: Readonly<Record<number, string>> = { 21: 'uint4', 22: 'int4', 23: 'float4e2m1' };
/** Signs of weights that are quantised in blocks, as those of 4 bits are. */
const IN_BLOCKS = new Set([
  ...['MatMulNBits', 'MatMulBnb4', 'MatMulFpQ4', 'GatherBlockQuantized'],
  ...Object.values(FOUR_BITS),
]);

export interface WeightsPrecision {
  variant: ModelVariant;
  /** An operator that says so; none of weights in floating point. */
  operator: string | undefined;
}

/**
 * `int8` if the graph has quantised operators, otherwise `fp32`: numbers of 16 bits are computed in 32 bits.
 * @param shownAs the file to name in errors, if `path` is a copy of it.
 * @throws {ImgclsError} of kind `usage` if weights have 4 bits, of kind `permanent` if the file is not an ONNX model.
 */
export function precisionOf(path: string, shownAs: string): WeightsPrecision {
  const file = openSync(path, 'r');
  try {
    let operator: string | undefined;
    for (const sign of signsIn({ file, from: 0, to: fstatSync(file).size })) {
      if (QUANTISED.has(sign)) operator ??= sign;
      if (IN_BLOCKS.has(sign))
        throw new ImgclsError(
          'usage',
          `The weights ${shownAs} are quantised in blocks, as those of 4 bits are (${sign}).`,
          {
            hint: 'Take weights of 32 bits or quantised to 8 bits. On CPUs they are faster than those of 4.',
          },
        );
    }
    return { variant: operator === undefined ? 'fp32' : 'int8', operator };
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new ImgclsError('permanent', `Cannot load ${shownAs} as a model: ${cause.message}.`, { cause });
  } finally {
    closeSync(file);
  }
}

/** @throws {ImgclsError} of kind `usage` if the weights do not have the precision that they are said to have. */
export function requirePrecision(
  { variant, operator }: WeightsPrecision,
  wanted: ModelVariant | undefined,
  shownAs: string,
): void {
  if (wanted === undefined || wanted === variant) return;
  const found = operator === undefined ? 'has no quantised operator' : `has the operator ${operator}`;
  throw new ImgclsError(
    'usage',
    `The weights ${shownAs} are ${variant}, not ${wanted}: their graph ${found}.`,
    {
      hint: `Take weights of precision ${wanted}, or leave the precision out.`,
    },
  );
}

/** The operators, and the types of weights of 4 bits. */
function* signsIn(model: Place): Generator<string> {
  for (const { number, content } of fieldsAt(model)) {
    if (number === MODEL.graph) yield* signsInGraph(content);
    if (number === MODEL.functions)
      for (const inFunction of fieldsAt(content))
        if (inFunction.number === FUNCTION.node) yield* signsInNode(inFunction.content);
  }
}

function* signsInGraph(graph: Place): Generator<string> {
  for (const { number, content } of fieldsAt(graph)) {
    if (number === GRAPH.node) yield* signsInNode(content);
    if (number === GRAPH.initializer)
      for (const { number: inTensor, value } of fieldsAt(content))
        if (inTensor === TENSOR.type && FOUR_BITS[value] !== undefined) yield FOUR_BITS[value];
  }
}

function* signsInNode(node: Place): Generator<string> {
  for (const { number, content } of fieldsAt(node)) {
    if (number === NODE.operator) yield textAt(content);
    if (number === NODE.attribute)
      for (const { number: inAttribute, content: graph } of fieldsAt(content))
        if (inAttribute === ATTRIBUTE.graph || inAttribute === ATTRIBUTE.graphs) yield* signsInGraph(graph);
  }
}

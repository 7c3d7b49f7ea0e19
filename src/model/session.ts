// The only file that uses the model runtime.

import { basename } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { ModelVariant } from '../core/model/model.ts';
import { ImgclsError, messageOf } from '../core/runtime/errors.ts';

// Without this the runtime sends data about models and machine to its maker, and writes files into the home and temporary
// folders.
process.env.ORT_DISABLE_TELEMETRY = '1';

/** Weights smaller than this stay with the graph. */
const LEAST_MAPPED_BYTES = 1024;

const OPTIONS: InferenceSession.SessionOptions = {
  executionProviders: ['cpu'],
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  graphOptimizationLevel: 'all',
  // Errors only: users cannot act on warnings of the graph optimiser.
  logSeverityLevel: 3,
};

/** Name and shape of a model's input or output. A dimension of any size is undefined. */
export interface TensorShape {
  name: string;
  /** The runtime's name: `float32`, `uint8`, ... */
  type: string;
  shape: (number | undefined)[];
}

/** A model in memory. A call blocks the event loop until it ends. Make one call at a time. */
export interface Session {
  readonly inputs: readonly TensorShape[];
  readonly outputs: readonly TensorShape[];
  /**
   * Runs a batch.
   * @param values `count` images one after the other; may be longer. Not changed.
   * @param imageShape of one image, such as `[3, 224, 224]`.
   * @param output default: the first one.
   * @returns the output's numbers, `count` rows one after the other.
   * @throws {ImgclsError} of kind `permanent` if the model cannot run on these values.
   */
  run(
    values: Float32Array,
    count: number,
    imageShape: readonly number[],
    output?: string,
  ): Promise<Float32Array>;
  dispose(): Promise<void>;
}

/**
 * Loads a model for one thread. One such session for each core is faster than one session of several threads, which slows
 * down very much on a shared machine. The memory arena stays on: without it each run takes more memory and 1 to 3 % more time.
 * @param shownAs the file to name in errors, if `path` is a copy of it.
 * @throws {ImgclsError} of kind `permanent` if the runtime cannot load the file.
 */
export async function openSession(path: string, shownAs = path): Promise<Session> {
  return await sessionOf(path, OPTIONS, shownAs);
}

/**
 * Like {@link openSession}, for a file that {@link optimiseModel} wrote on a CPU of this type. A plan of a run's memory (the
 * memory pattern) saves a quantised model 4 % of the time if its operators are small. A model of floating-point numbers gains
 * nothing by it, and its block of memory comes on top of the arena: 47 MB with ResNet-50.
 */
export async function openOptimised(path: string, variant: ModelVariant): Promise<Session> {
  const options = {
    ...OPTIONS,
    graphOptimizationLevel: 'disabled',
    enableMemPattern: variant === 'int8',
  } as const;
  return await sessionOf(path, options, path);
}

/**
 * Writes the model as the runtime optimises it for this CPU: the graph to `to`, and its larger weights to a file beside it,
 * which sessions map into memory instead of reading it.
 * @throws {ImgclsError} of kind `permanent` if the runtime cannot load `weights`.
 */
export async function optimiseModel(weights: string, to: string): Promise<void> {
  const session = {
    optimized_model_external_initializers_file_name: `${basename(to)}.data`,
    optimized_model_external_initializers_min_size_in_bytes: String(LEAST_MAPPED_BYTES),
  };
  const made = await sessionOf(
    weights,
    { ...OPTIONS, optimizedModelFilePath: to, extra: { session } },
    weights,
  );
  await made.dispose();
}

/** What the runtime says of a file that was written for a newer one. */
const TOO_NEW = /max supported IR version|under development/;

async function load(
  path: string,
  options: InferenceSession.SessionOptions,
  shownAs: string,
): Promise<InferenceSession> {
  try {
    return await InferenceSession.create(path, options);
  } catch (cause) {
    const why = messageOf(cause).replaceAll(path, shownAs);
    throw new ImgclsError('permanent', `Cannot load ${shownAs} as a model: ${why}`, {
      ...(TOO_NEW.test(why) && {
        hint: 'The file was written for a newer ONNX Runtime. Export the model again with an older opset, such as 17: optimum-cli export onnx --opset 17',
      }),
      cause,
    });
  }
}

async function sessionOf(
  path: string,
  options: InferenceSession.SessionOptions,
  shownAs: string,
): Promise<Session> {
  const session = await load(path, options, shownAs);
  const inputs = session.inputMetadata.map(shapeOf);
  const outputs = session.outputMetadata.map(shapeOf);
  const input = inputs[0];
  const output = outputs[0];

  const runOnce = async (
    values: Float32Array,
    count: number,
    imageShape: readonly number[],
    wanted = output?.name,
  ) => {
    if (input === undefined || wanted === undefined) throw new Error('the model has no input or no output');
    const feeds = { [input.name]: new Tensor('float32', values, [count, ...imageShape]) };
    return floatsOf(await session.run(feeds, [wanted]), wanted);
  };

  return {
    inputs,
    outputs,
    async run(values, count, imageShape, wanted) {
      const elements = imageShape.reduce((product, size) => product * size, 1);
      const fixedBatch = input?.shape[0];
      try {
        if (fixedBatch === undefined || fixedBatch === count) {
          return await runOnce(values.subarray(0, count * elements), count, imageShape, wanted);
        }
        const runPart: typeof runOnce = (...part) => runOnce(part[0], part[1], part[2], wanted);
        return await runInParts(runPart, values, count, imageShape, fixedBatch, elements);
      } catch (cause) {
        throw new ImgclsError('permanent', `Cannot run the model: ${messageOf(cause)}`, { cause });
      }
    },
    dispose: () => session.release(),
  };
}

function floatsOf(results: InferenceSession.ReturnType, output: string): Float32Array {
  const data = results[output]?.data;
  if (!(data instanceof Float32Array)) throw new Error(`the output ${output} is not float32`);
  return data;
}

/** Values of an input: token ids are `integers`. */
export type InputValues = { shape: readonly number[] } & (
  | { integers: readonly number[] }
  | { floats: Float32Array }
);

/** A model in memory that has inputs of several kinds, such as texts. */
export interface NamedSession {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** @param values of at least all inputs. @throws {ImgclsError} of kind `permanent` if the model cannot run on these values. */
  run(values: Readonly<Record<string, InputValues>>, output: string): Promise<Float32Array>;
  dispose(): Promise<void>;
}

/**
 * @throws {ImgclsError} of kind `permanent` if the runtime cannot load the file, or if it takes or returns numbers of 16 bits.
 */
export async function openNamedSession(path: string): Promise<NamedSession> {
  const session = await load(path, OPTIONS, path);
  const half = [...session.inputMetadata, ...session.outputMetadata]
    .map(shapeOf)
    .find(({ type }) => type === 'float16');
  if (half !== undefined) {
    await session.release();
    throw new ImgclsError('permanent', `The model takes or returns numbers of 16 bits: ${half.name}.`, {
      hint: 'Choose another precision, such as #fp32 or #q8: only weights may have 16 bits.',
    });
  }
  return {
    inputs: session.inputNames,
    outputs: session.outputNames,
    async run(values, output) {
      try {
        const feeds = Object.fromEntries(
          session.inputNames.map((name) => [name, tensorOf(name, values[name])]),
        );
        return floatsOf(await session.run(feeds, [output]), output);
      } catch (cause) {
        throw new ImgclsError('permanent', `Cannot run ${path}: ${messageOf(cause)}`, { cause });
      }
    },
    dispose: () => session.release(),
  };
}

function tensorOf(name: string, values: InputValues | undefined): Tensor {
  if (values === undefined) throw new Error(`nothing is known for its input ${name}`);
  return 'floats' in values
    ? new Tensor('float32', values.floats, values.shape)
    : new Tensor('int64', BigInt64Array.from(values.integers, BigInt), values.shape);
}

/** For models exported with a fixed batch size. The last part is padded with zeros. */
async function runInParts(
  runOnce: (values: Float32Array, count: number, imageShape: readonly number[]) => Promise<Float32Array>,
  values: Float32Array,
  count: number,
  imageShape: readonly number[],
  fixedBatch: number,
  elements: number,
): Promise<Float32Array> {
  const rows: number[] = [];
  let rowLength = 0;
  for (let from = 0; from < count; from += fixedBatch) {
    const part = new Float32Array(fixedBatch * elements);
    part.set(values.subarray(from * elements, Math.min(from + fixedBatch, count) * elements));
    const output = await runOnce(part, fixedBatch, imageShape);
    rowLength = output.length / fixedBatch;
    rows.push(...output);
  }
  return Float32Array.from(rows.slice(0, count * rowLength));
}

function shapeOf(metadata: InferenceSession.ValueMetadata): TensorShape {
  if (!metadata.isTensor) return { name: metadata.name, type: 'no tensor', shape: [] };
  const shape = metadata.shape.map((size) => (typeof size === 'number' && size > 0 ? size : undefined));
  return { name: metadata.name, type: metadata.type, shape };
}

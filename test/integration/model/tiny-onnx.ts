// Writes ONNX models of a few hundred bytes, so that tests need no downloads.

/** A protobuf field: a number (varint) or bytes, text or a message (length first). */
export function field(number: number, value: number | string | Buffer): Buffer {
  if (typeof value === 'number') return Buffer.concat([varint(number << 3), varint(value)]);
  const bytes = Buffer.from(value);
  return Buffer.concat([varint((number << 3) | 2), varint(bytes.length), bytes]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 127) {
    bytes.push((rest & 127) | 128);
    rest = Math.floor(rest / 128);
  }
  return Buffer.from([...bytes, rest]);
}

const message = (...fields: Buffer[]) => Buffer.concat(fields);
const FLOAT = 1;
const FLOAT_16 = 10;
const INT_8 = 3;

type Dimension = number | string;

function valueInfo(name: string, shape: Dimension[], type = FLOAT): Buffer {
  const dimensions = shape.map((size) =>
    field(1, typeof size === 'number' ? field(1, size) : field(2, size)),
  );
  const tensorType = message(field(1, type), field(2, message(...dimensions)));
  return message(field(1, name), field(2, field(1, tensorType)));
}

function node(operator: string, inputs: string[], output: string, attributes: Buffer[] = []): Buffer {
  return message(
    ...inputs.map((input) => field(1, input)),
    field(2, output),
    field(4, operator),
    ...attributes.map((attribute) => field(5, attribute)),
  );
}

const INTS = 7;
const ints = (name: string, values: number[]) =>
  message(field(1, name), ...values.map((value) => field(8, value)), field(20, INTS));

function tensor(name: string, shape: number[], values: Float32Array | Float16Array | Int8Array): Buffer {
  const type = values instanceof Float32Array ? FLOAT : values instanceof Int8Array ? INT_8 : FLOAT_16;
  return message(
    ...shape.map((size) => field(1, size)),
    field(2, type),
    field(8, name),
    field(9, Buffer.from(values.buffer, values.byteOffset, values.byteLength)),
  );
}

export interface TinyModel {
  /** Of the input; `'N'` and the like are sizes that vary. */
  shape?: Dimension[];
  classes?: number;
  /** Ends with a softmax. */
  probabilities?: boolean;
  /** An additional node of this type. Its result is not used. */
  extraOperator?: string;
  /** With weights of 8 bits. */
  isQuantised?: boolean;
  /** With weights of 16 bits, and the input and output of 32. */
  isHalf?: boolean;
  /** With an input of 16 bits, too, if its weights have as many. */
  input?: 'float32' | 'float16';
  /** Has the means of channels as its first output. Default: `logits` is the only one. */
  outputs?: string[];
  /** Of ONNX. */
  version?: { ir: number; opset: number };
  /** Changes the weights, and so the sha256. */
  seed?: number;
}

/** Of weights of 8 bits. */
const SCALE = 5 / 127;

/** A classifier that weighs the mean of each channel. */
export function tinyOnnx(options: TinyModel = {}): Buffer {
  const {
    shape = ['N', 3, 224, 224],
    classes = 1000,
    probabilities = false,
    isQuantised = false,
    isHalf = false,
    seed = 1,
  } = options;
  const interleaved = shape[3] === 3;
  const channels = interleaved ? 3 : Number(shape[1]);
  const axes = interleaved ? [1, 2] : [2, 3];
  const weights = Float32Array.from(
    { length: channels * classes },
    (_, index) => Math.sin(seed * (index + 1)) * 5,
  );
  const batch = shape[0] ?? 'N';
  const scores = probabilities ? 'scores' : 'logits';
  const graph = message(
    ...(isHalf ? [field(1, node('Cast', ['data'], 'pixels', [castTo(FLOAT_16)]))] : []),
    field(
      1,
      node('ReduceMean', [isHalf ? 'pixels' : 'data'], 'means', [ints('axes', axes), keepNoDimensions()]),
    ),
    ...(isQuantised ? [field(1, node('DequantizeLinear', ['bytes', 'scale'], 'weights'))] : []),
    field(1, node('MatMul', ['means', 'weights'], isHalf ? 'halves' : scores)),
    ...(isHalf ? [field(1, node('Cast', ['halves'], scores, [castTo(FLOAT)]))] : []),
    ...(probabilities ? [field(1, node('Softmax', ['scores'], 'logits'))] : []),
    ...(options.extraOperator === undefined
      ? []
      : [field(1, node(options.extraOperator, ['data'], 'unused'))]),
    field(2, 'tiny'),
    ...(isQuantised
      ? [
          field(
            5,
            tensor(
              'bytes',
              [channels, classes],
              Int8Array.from(weights, (weight) => weight / SCALE),
            ),
          ),
          field(5, tensor('scale', [], Float32Array.of(SCALE))),
        ]
      : [field(5, tensor('weights', [channels, classes], isHalf ? Float16Array.from(weights) : weights))]),
    field(11, valueInfo('data', shape, options.input === 'float16' ? FLOAT_16 : FLOAT)),
    ...(options.outputs ?? ['logits']).map((name) =>
      field(12, valueInfo(name, [batch, name === 'means' ? channels : classes])),
    ),
  );
  const { ir, opset } = options.version ?? { ir: 8, opset: 13 };
  return message(field(1, ir), field(7, graph), field(8, field(2, opset)));
}

const INT = 2;
function keepNoDimensions(): Buffer {
  return message(field(1, 'keepdims'), field(3, 0), field(20, INT));
}
const castTo = (type: number) => message(field(1, 'to'), field(3, type), field(20, INT));

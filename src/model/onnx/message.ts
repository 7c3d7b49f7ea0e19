// Reads and writes messages of protobuf, of which an .onnx file consists: fields, each with a number, a type and a value.

import { readSync } from 'node:fs';

const [VARINT, FIXED_64, BYTES, FIXED_32] = [0, 1, 2, 5];
/** The length of values of these types. */
const FIXED_BYTES = new Map([
  [VARINT, 0],
  [FIXED_64, 8],
  [FIXED_32, 4],
]);

/** A field without its content. */
interface Head {
  number: number;
  /** Of type VARINT. */
  value: number;
  /** Of the content. */
  length: number;
  /** Of the number, the type and the length. */
  headBytes: number;
}

/** Two varints: a number with a type, and a value or a length. */
const MAX_HEAD_BYTES = 20;

/** @throws {RangeError} if there is no field. */
function headAt(bytes: Buffer, start: number): Head {
  let at = start;
  const varint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++];
      if (byte === undefined) throw new RangeError('it is cut off');
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  const tag = varint();
  const type = tag % 8;
  const value = type === VARINT ? varint() : 0;
  const length = type === BYTES ? varint() : FIXED_BYTES.get(type);
  if (length === undefined) throw new RangeError('it is damaged');
  return { number: Math.floor(tag / 8), value, length, headBytes: at - start };
}

export interface Field {
  number: number;
  /** With its number and length. */
  whole: Buffer;
  /** Of type BYTES: without its number and length. */
  content: Buffer;
  /** Of type VARINT. */
  value: number;
}

/** @throws {RangeError} if the message is damaged. */
export function fieldsOf(message: Buffer): Field[] {
  const fields: Field[] = [];
  for (let at = 0; at < message.length; ) {
    const { number, value, length, headBytes } = headAt(message, at);
    const end = at + headBytes + length;
    if (end > message.length) throw new RangeError('it is damaged');
    const content = message.subarray(at + headBytes, end);
    fields.push({ number, whole: message.subarray(at, end), content, value });
    at = end;
  }
  return fields;
}

/** A part of an open file. */
export interface Place {
  file: number;
  from: number;
  to: number;
}

/** A field of a message in a file. */
export interface PlacedField {
  number: number;
  /** Of type VARINT. */
  value: number;
  content: Place;
}

/** The fields of a message in a file. Their content, which may be gigabytes of weights, is not read. @throws {RangeError} */
export function* fieldsAt({ file, from, to }: Place): Generator<PlacedField> {
  const bytes = Buffer.alloc(MAX_HEAD_BYTES);
  for (let at = from; at < to; ) {
    const { number, value, length, headBytes } = headAt(
      bytes.subarray(0, readSync(file, bytes, { position: at })),
      0,
    );
    const content = { file, from: at + headBytes, to: at + headBytes + length };
    if (content.to > to) throw new RangeError('it is damaged');
    yield { number, value, content };
    at = content.to;
  }
}

export function textAt({ file, from, to }: Place): string {
  const bytes = Buffer.alloc(to - from);
  readSync(file, bytes, { position: from });
  return bytes.toString();
}

/** The number and length of a field of type BYTES. */
export function header(number: number, length: number): Buffer {
  const bytes: number[] = [];
  for (let rest of [8 * number + BYTES, length]) {
    for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
    bytes.push(rest);
  }
  return Buffer.from(bytes);
}

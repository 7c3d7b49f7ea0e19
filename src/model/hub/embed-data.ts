// Writes a model whose weights are in files beside it as one file, which is what a library holds, checks and sends.
//
// Initializers of the graph may name a file, an offset and a length; their bytes go in the place of these.

import { open, readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { ImgclsError } from '../../core/runtime/errors.ts';
import { harmless } from '../../core/text/harmless.ts';
import { type ImportSource, MAX_WEIGHTS_BYTES, tooLarge } from '../import-source.ts';
import { fieldsOf, header } from '../onnx/message.ts';

/** Numbers of fields in onnx.proto. */
const MODEL = { graph: 7 };
const GRAPH = { initializer: 5 };
const TENSOR = { rawData: 9, externalData: 13, dataLocation: 14 };
const ENTRY = { key: 1, value: 2 };
const EXTERNAL = 1;

/** A part of a file. */
interface Piece {
  path: string;
  offset: number;
  length: number;
}

type Part = Buffer | Piece;

/**
 * @throws {ImgclsError} of kind `permanent` if the graph refers to other files than `data`, or is no ONNX model; `usage` if it
 *   becomes too large.
 */
export async function embedData(
  { graph, data, shownAs }: Pick<ImportSource, 'graph' | 'data' | 'shownAs'>,
  to: string,
): Promise<void> {
  const files = new Map<string, { path: string; bytes: number }>();
  for (const path of data) files.set(basename(path), { path, bytes: (await stat(path)).size });
  const model = await readFile(graph);
  let parts: Part[];
  try {
    parts = rewritten(model, MODEL.graph, (content) =>
      rewritten(content, GRAPH.initializer, (tensor) => embedded(tensor, files)),
    );
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new ImgclsError('permanent', `Cannot load ${shownAs} as a model: ${cause.message}.`, { cause });
  }
  // Many tensors may name the same bytes.
  if (lengthOf(parts) > MAX_WEIGHTS_BYTES) throw tooLarge(shownAs, lengthOf(parts));
  await writeParts(parts, to);
}

/** The message with the content of each field of this number changed. */
function rewritten(message: Buffer, number: number, change: (content: Buffer) => Part[]): Part[] {
  return fieldsOf(message).flatMap((field) => {
    if (field.number !== number) return [field.whole];
    const parts = change(field.content);
    return [header(number, lengthOf(parts)), ...parts];
  });
}

function embedded(tensor: Buffer, files: ReadonlyMap<string, { path: string; bytes: number }>): Part[] {
  const fields = fieldsOf(tensor);
  const isExternal = fields.some(({ number, value }) => number === TENSOR.dataLocation && value === EXTERNAL);
  if (!isExternal) return [tensor];
  const entries = new Map(
    fields.filter(({ number }) => number === TENSOR.externalData).map(({ content }) => entryOf(content)),
  );
  const location = harmless(entries.get('location') ?? '');
  const file = files.get(location.replace(/^\.\//, ''));
  if (file === undefined) throw new RangeError(`its weights are in ${location}, which is missing`);
  const offset = Number(entries.get('offset') ?? 0);
  const length = Number(entries.get('length') ?? file.bytes - offset);
  const isPlace = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0;
  if (!isPlace || offset + length > file.bytes)
    throw new RangeError(`its weights are not all in ${location}, which has ${file.bytes} bytes`);
  const kept = fields.filter(
    ({ number }) => number !== TENSOR.externalData && number !== TENSOR.dataLocation,
  );
  return [
    ...kept.map(({ whole }) => whole),
    header(TENSOR.rawData, length),
    { path: file.path, offset, length },
  ];
}

function entryOf(content: Buffer): [string, string] {
  const fields = fieldsOf(content);
  const text = (wanted: number) => fields.find(({ number }) => number === wanted)?.content.toString() ?? '';
  return [text(ENTRY.key), text(ENTRY.value)];
}

const lengthOf = (parts: readonly Part[]): number => parts.reduce((sum, { length }) => sum + length, 0);

const COPIED_BYTES = 1024 * 1024;

async function writeParts(parts: readonly Part[], to: string): Promise<void> {
  const target = await open(to, 'w');
  try {
    for (const part of parts) {
      if (Buffer.isBuffer(part)) await target.writeFile(part);
      else await copyPiece(part, target);
    }
  } finally {
    await target.close();
  }
}

async function copyPiece(
  { path, offset, length }: Piece,
  target: Awaited<ReturnType<typeof open>>,
): Promise<void> {
  const source = await open(path);
  try {
    for (let done = 0; done < length; ) {
      const wanted = Math.min(COPIED_BYTES, length - done);
      const { buffer, bytesRead } = await source.read(Buffer.alloc(wanted), 0, wanted, offset + done);
      if (bytesRead === 0) throw new Error(`${path} has become shorter.`);
      await target.writeFile(buffer.subarray(0, bytesRead));
      done += bytesRead;
    }
  } finally {
    await source.close();
  }
}

import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { PoisonError } from '../../core/runtime/errors.ts';
import type { InventoryObject } from './inventory-object.ts';
import type { PinnedObject } from './pinned-object.ts';

/** A key has at most 1,024 bytes, encoded three times as many; an access control list has some thousand. */
const MAX_LINE_CHARS = 65_536;

/** The objects of a file of an inventory in CSV. @throws {PoisonError} when it is not such a file. */
export async function* readCsv(
  file: PinnedObject,
  columns: readonly string[],
): AsyncGenerator<InventoryObject> {
  for await (const line of linesOf(file)) {
    // Every field is quoted, and none has a quote: keys are URL-encoded.
    const fields = line.slice(1, -1).split('","');
    if (fields.length !== columns.length || line.at(0) !== '"' || line.at(-1) !== '"')
      throw new PoisonError(`A line has ${fields.length} quoted fields instead of ${columns.length}.`);
    const field = (name: string) => fields[columns.indexOf(name)];
    if (field('IsLatest') === 'false' || field('IsDeleteMarker') === 'true') continue;
    yield { key: decoded(field('Key') ?? ''), etag: field('ETag') ?? '', bytes: Number(field('Size')) };
  }
}

async function* linesOf(file: PinnedObject): AsyncGenerator<string> {
  const text = createGunzip();
  // A failure of either one ends the loop below.
  pipeline(Readable.from(file.pieces()), text, () => {});
  let rest = '';
  try {
    for await (const piece of text.setEncoding('utf8')) {
      const lines = (rest + piece).split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > MAX_LINE_CHARS)
        throw new PoisonError(`A line has more than ${MAX_LINE_CHARS} characters.`);
      for (const line of lines) yield line.endsWith('\r') ? line.slice(0, -1) : line;
    }
  } catch (error) {
    const isOfZlib = String((error as { code?: unknown } | null)?.code).startsWith('Z_');
    throw isOfZlib ? new PoisonError('It is not a whole gzip file.', error) : error;
  }
  if (rest !== '') yield rest;
}

function decoded(key: string): string {
  try {
    return decodeURIComponent(key.replaceAll('+', ' '));
  } catch (cause) {
    throw new PoisonError('A key is not URL-encoded.', cause);
  }
}

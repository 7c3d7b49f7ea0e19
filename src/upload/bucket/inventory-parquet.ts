import { type AsyncBuffer, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import { ImgclsError, messageOf, PoisonError } from '../../core/runtime/errors.ts';
import type { InventoryObject } from './inventory-object.ts';
import type { PinnedObject } from './pinned-object.ts';

/** Rows that are decoded at a time. */
const ROWS = 16_384;

const NEEDED = ['key', 'e_tag', 'size'];
/** Absent in inventories of present versions only. */
const OPTIONAL = ['is_latest', 'is_delete_marker'];

/**
 * The objects of a file of an inventory in Parquet. Memory holds the compressed columns of one row group.
 * @throws {PoisonError} when it is not such a file.
 */
export async function* readParquet(file: PinnedObject): AsyncGenerator<InventoryObject> {
  const buffer = rememberingBuffer(file);
  const metadata = await ofFile(() => parquetMetadataAsync(buffer));
  const names = new Set(metadata.schema.map(({ name }) => name));
  const columns = [...NEEDED, ...OPTIONAL.filter((name) => names.has(name))];
  let groupStart = 0;
  for (const { num_rows } of metadata.row_groups) {
    buffer.forget();
    const groupEnd = groupStart + Number(num_rows);
    for (let rowStart = groupStart; rowStart < groupEnd; rowStart += ROWS) {
      const rowEnd = Math.min(groupEnd, rowStart + ROWS);
      const rows = await ofFile(() =>
        parquetReadObjects({ file: buffer, metadata, columns, rowStart, rowEnd }),
      );
      for (const { key, size, e_tag: etag, is_latest: isLatest, is_delete_marker: isMarker } of rows) {
        if (isLatest === false || isMarker === true) continue;
        yield { key: String(key), etag: String(etag ?? ''), bytes: Number(size) };
      }
    }
    groupStart = groupEnd;
  }
}

/** Rows of a group are read in several steps, of which each asks for the whole columns. */
function rememberingBuffer(file: PinnedObject): AsyncBuffer & { forget(): void } {
  const known = new Map<string, Promise<ArrayBuffer>>();
  return {
    byteLength: file.bytes,
    slice(start, end = file.bytes) {
      const place = `${start}-${end}`;
      const found = known.get(place) ?? file.read(start, end - start).then(arrayBufferOf);
      known.set(place, found);
      return found;
    },
    forget: () => known.clear(),
  };
}

const arrayBufferOf = ({ buffer, byteOffset, byteLength }: Buffer): ArrayBuffer =>
  buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;

/** hyparquet throws plain errors for files that it cannot read. */
async function ofFile<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof ImgclsError) throw error;
    throw new PoisonError(`It is not readable as Parquet: ${messageOf(error)}`, error);
  }
}

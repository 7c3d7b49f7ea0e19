import { createHash, hash } from 'node:crypto';
import { type BigIntStats, closeSync, fstatSync } from 'node:fs';
import { Readable } from 'node:stream';
import { FILES_BUCKET, fileEtag } from '../core/cloud/files-in-place.ts';
import { isPackable } from '../core/job/batches.ts';
import type { JobRecord, ManifestEntry } from '../core/job/job.ts';
import { type ErrorCode, MAX_NAME_BYTES } from '../core/model/outcome.ts';
import { ImgclsError, readFault } from '../core/runtime/errors.ts';
import {
  digestOf,
  FileChangedError,
  type FileReader,
  IN_MEMORY_BYTES,
  readWhole,
  streamOf,
} from './file-reader.ts';
import { keyInPlace } from './in-place.ts';
import type { FilePath, Input, ObjectInput } from './inputs.ts';
import { type Content, type PutContentOptions, putContent } from './put-content.ts';
import { isShortage, type ReadTools, retryShortage } from './retry-shortage.ts';
import type { LazyFetcher } from './web/lazy-fetcher.ts';

export interface StoreImageOptions extends PutContentOptions, ReadTools {
  clock: PutContentOptions['clock'] & ReadTools['clock'];
  maxImageBytes: number;
  reader: FileReader;
  /** Fetches images from the web. */
  fetcher: Pick<LazyFetcher, 'fetch'>;
  /** As in the job's record. */
  localFiles?: JobRecord['localFiles'];
  /** Images below this size are packed. */
  packBelowBytes: number;
}

/** A stored image. */
export interface StoredImage {
  entry: ManifestEntry;
  /** Bytes sent to the store; 0 if it had them. */
  sentBytes: number;
}

/** An image to be packed: read, and not stored yet. */
export interface PackableImage {
  place: ImageIdentity;
  content: { sha256: string; body: Uint8Array };
}

/**
 * Stores an image in the input bucket under its sha256, unless the bucket has it, and returns its manifest entry.
 * An error of the file becomes the entry's error; errors of the store are thrown.
 */
export async function storeImage(
  image: { index: number; input: Input },
  options: StoreImageOptions,
): Promise<StoredImage> {
  const found = await storeOrRead(image, options);
  return 'entry' in found ? found : await storeContent(found.place, found.content, options);
}

/** As {@link storeImage}, but an image that is to be packed is only read and checked. */
export async function storeOrRead(
  { index, input }: { index: number; input: Input },
  options: StoreImageOptions,
): Promise<StoredImage | PackableImage> {
  const place = { index, name: shortName(input.name), source: input.source };
  if ('bucket' in input) requireObject(input);
  switch (input.kind) {
    case 'object':
      return { entry: objectEntry(index, input), sentBytes: 0 };
    case 'stored': {
      const { bucket, key, sha256, bytes } = input;
      // If it is gone, the worker gives the image its error.
      if (options.forJob !== undefined) await options.input.keepFor?.(key, options.forJob, options.signal);
      return { entry: { ...place, bytes, bucket, key, sha256 }, sentBytes: 0 };
    }
    case 'unreadable':
      return { entry: { ...place, bytes: 0, error: input.error }, sentBytes: 0 };
    case 'bytes': {
      const content = { sha256: hash('sha256', input.bytes), body: input.bytes };
      return await storeUnlessPackable(place, content, options);
    }
    case 'url':
      return await storeFetched(place, input.url, options);
    case 'file':
      return await retryShortage(input.source, () => storeFile(place, input.path, options), options);
  }
}

/** What the address does not give is the error of the image. */
async function storeFetched(
  place: ImageIdentity,
  url: string,
  options: StoreImageOptions,
): Promise<StoredImage | PackableImage> {
  const found = await options.fetcher.fetch(url, options.signal);
  if ('code' in found) return { entry: { ...place, bytes: 0, error: found }, sentBytes: 0 };
  const { sha256, body, release } = found;
  try {
    return body instanceof Uint8Array
      ? await storeUnlessPackable(place, { sha256, body }, options)
      : await storeContent(place, { sha256, body }, options);
  } finally {
    await release();
  }
}

/** The entry of an image that workers read from its bucket. */
export function objectEntry(index: number, input: ObjectInput): ManifestEntry {
  requireObject(input);
  const { name, source, bucket, key, etag, bytes } = input;
  return { index, name: shortName(name), source, bytes, bucket, key, etag };
}

/** A program, or an inventory, may pass on names of buckets that others chose. Those must not name files. */
function requireObject({ bucket, key }: { bucket: string; key: string }): void {
  if (bucket !== FILES_BUCKET) return;
  throw new ImgclsError('usage', `${key} is a file of this machine, not an object.`, {
    hint: 'Pass it as an input of kind "file".',
  });
}

const storeUnlessPackable = async (
  place: ImageIdentity,
  content: PackableImage['content'],
  options: StoreImageOptions,
): Promise<StoredImage | PackableImage> =>
  isPackable(content.body.byteLength, options.packBelowBytes)
    ? { place, content }
    : await storeContent(place, content, options);

type ImageIdentity = Pick<ManifestEntry, 'index' | 'name' | 'source'>;

export async function storeContent(
  place: ImageIdentity,
  content: Content,
  options: StoreImageOptions,
): Promise<StoredImage> {
  const { sentBytes, bucket, key, sha256, bytes } = await putContent(content, options);
  return { entry: { ...place, bytes, bucket, key, sha256 }, sentBytes };
}

async function storeFile(
  place: ImageIdentity,
  path: FilePath,
  options: StoreImageOptions,
): Promise<StoredImage | PackableImage> {
  const failed = (code: ErrorCode, message: string, bytes = 0): StoredImage => ({
    entry: { ...place, bytes, error: { code, message } },
    sentBytes: 0,
  });
  let fd: number;
  try {
    fd = await options.reader.open(path);
  } catch (error) {
    if (isShortage(error)) throw error;
    const code = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'missing' : 'unreadable';
    return failed(code, `Cannot read the file: ${readFault(error)}.`);
  }
  try {
    // On an open file this needs no disk access, and takes a tenth of the time of an asynchronous call.
    const before = fstatSync(fd, { bigint: true });
    const size = Number(before.size);
    if (!before.isFile()) return failed('unreadable', 'The path is not a regular file.');
    if (size > options.maxImageBytes) {
      return failed('too_large', `The file has ${size} bytes; the limit is ${options.maxImageBytes}.`, size);
    }
    const key = options.localFiles === 'in-place' ? keyInPlace(path, process.cwd()) : undefined;
    const stored =
      key === undefined
        ? await storeCopy(place, { fd, size }, options)
        : await referTo(place, { fd, size, key, etag: fileEtag(before) }, options);
    return isSame(before, fstatSync(fd, { bigint: true })) ? stored : failed('changed', CHANGED, size);
  } catch (error) {
    if (error instanceof FileChangedError) return failed('changed', CHANGED);
    // Errors of the file have a syscall; those of the store are ImgclsErrors.
    const isUnreadable = (error as NodeJS.ErrnoException).syscall === 'read' && !isShortage(error);
    if (isUnreadable) return failed('unreadable', `Cannot read the file: ${readFault(error)}.`);
    throw error;
  } finally {
    closeSync(fd);
  }
}

interface OpenFile {
  fd: number;
  size: number;
}

async function referTo(
  place: ImageIdentity,
  { fd, size, key, etag }: OpenFile & { key: string; etag: string },
  { reader }: StoreImageOptions,
): Promise<StoredImage> {
  const sha256 = await reader.digest(fd, size);
  return { entry: { ...place, bytes: size, bucket: FILES_BUCKET, key, etag, sha256 }, sentBytes: 0 };
}

async function storeCopy(
  place: ImageIdentity,
  { fd, size }: OpenFile,
  options: StoreImageOptions,
): Promise<StoredImage | PackableImage> {
  if (size > IN_MEMORY_BYTES) return await storeContent(place, await readTwice(fd, size), options);
  const body = await readWhole(fd, size);
  return await storeUnlessPackable(place, { sha256: hash('sha256', body), body }, options);
}

const CHANGED = 'The file changed while it was read.';

/** A writer may change bytes during the read without changing the size. */
const isSame = (before: BigIntStats, after: BigIntStats): boolean =>
  before.size === after.size && before.mtimeNs === after.mtimeNs;

/** Hashes the file, then reads it again for the upload, which fails if the bytes differ. */
async function readTwice(fd: number, bytes: number): Promise<Content> {
  const open = () => streamOf(fd, bytes);
  const sha256 = await digestOf(open(), bytes);
  return { sha256, body: { bytes, open: () => Readable.from(checked(open(), sha256)) } };
}

/** Passes chunks on, one behind. The last one is passed on only if the whole has the digest. */
async function* checked(chunks: AsyncIterable<Buffer>, sha256: string): AsyncGenerator<Buffer> {
  const sha = createHash('sha256');
  let held: Buffer | undefined;
  for await (const chunk of chunks) {
    sha.update(chunk);
    if (held !== undefined) yield held;
    held = chunk;
  }
  if (held === undefined || sha.digest('hex') !== sha256) throw new FileChangedError();
  yield held;
}

/** Shortens a name to the limit by removing its beginning: the end of a path says most. */
export function shortName(name: string): string {
  if (Buffer.byteLength(name) <= MAX_NAME_BYTES) return name;
  const tail = Buffer.from(name).subarray(3 - MAX_NAME_BYTES);
  // The cut may be inside a character.
  return `…${tail.toString().replace(/^\uFFFD+/, '')}`;
}

import { createHash, hash } from 'node:crypto';
import fs, { type BigIntStats, closeSync, constants, fstatSync } from 'node:fs';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import type { ManifestEntry } from '../core/job/job.ts';
import { isPackable, PACKED_BELOW_BYTES } from '../core/job/pack.ts';
import { type ErrorCode, MAX_NAME_BYTES } from '../core/model/outcome.ts';
import { messageOf } from '../core/runtime/errors.ts';
import type { Input } from './inputs.ts';
import { type Content, type PutContentOptions, putContent } from './put-content.ts';

// Descriptors, not FileHandles: those take twice the time for a small file.
const open = promisify(fs.open);
const read = promisify(fs.read);

/** Files up to this size are read once into memory; larger ones are hashed and sent as streams. */
const IN_MEMORY_BYTES = 8 * 1024 * 1024;

export interface StoreImageOptions extends PutContentOptions {
  maxImageBytes: number;
  /** Images below this may travel in a pack; else below {@link PACKED_BELOW_BYTES}, which is the most. */
  packBelowBytes?: number;
}

/** What the submitter did for one image. */
export interface StoredImage {
  entry: ManifestEntry;
  /** Bytes that went to the store; 0 when it had them. */
  sentBytes: number;
}

/** An image that may travel in a pack with others: read, and not stored yet. */
export interface SmallImage {
  place: ImageIdentity;
  content: { sha256: string; body: Uint8Array };
}

/**
 * Sees to it that an image's bytes are in the input bucket under their sha256, and answers its manifest entry.
 * What is wrong with the file becomes the entry's error; faults of the store are thrown.
 */
export async function storeImage(
  image: { index: number; input: Input },
  options: StoreImageOptions,
): Promise<StoredImage> {
  const found = await storeOrRead(image, options);
  return 'entry' in found ? found : await storeContent(found.place, found.content, options);
}

/** As {@link storeImage}, but of an image below {@link PACKED_BELOW_BYTES} the bytes are read and checked only. */
export async function storeOrRead(
  { index, input }: { index: number; input: Input },
  options: StoreImageOptions,
): Promise<StoredImage | SmallImage> {
  const place = { index, name: shortName(input.name), source: input.source };
  switch (input.kind) {
    case 'object': {
      const { bucket, key, etag, bytes } = input;
      return { entry: { ...place, bytes, bucket, key, etag }, sentBytes: 0 };
    }
    case 'stored': {
      const { bucket, key, sha256, bytes } = input;
      return { entry: { ...place, bytes, bucket, key, sha256 }, sentBytes: 0 };
    }
    case 'unreadable':
      return { entry: { ...place, bytes: 0, error: input.error }, sentBytes: 0 };
    case 'bytes': {
      const content = { sha256: hash('sha256', input.bytes), body: input.bytes };
      return isSmall(content.body, options)
        ? { place, content }
        : await storeContent(place, content, options);
    }
    case 'file':
      return await storeFile(place, input.path, options);
  }
}

const isSmall = (
  { byteLength }: Uint8Array,
  { packBelowBytes = PACKED_BELOW_BYTES }: StoreImageOptions,
): boolean => isPackable(byteLength, packBelowBytes);

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
  path: string,
  options: StoreImageOptions,
): Promise<StoredImage | SmallImage> {
  const failed = (code: ErrorCode, message: string, bytes = 0): StoredImage => ({
    entry: { ...place, bytes, error: { code, message } },
    sentBytes: 0,
  });
  let fd: number;
  try {
    // A pipe without a writer must not hold everything up: it opens at once, and is refused below.
    fd = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'missing' : 'unreadable';
    return failed(code, `Cannot read the file: ${messageOf(error)}`);
  }
  try {
    // Of an open file this asks nothing of the disk, and takes a tenth of the time of an asynchronous call.
    const before = fstatSync(fd, { bigint: true });
    const size = Number(before.size);
    if (!before.isFile()) return failed('unreadable', 'It is not a regular file.');
    if (size > options.maxImageBytes) {
      return failed('too_large', `The file has ${size} bytes; the limit is ${options.maxImageBytes}.`, size);
    }
    const content = size <= IN_MEMORY_BYTES ? await readWhole(fd, size) : await readTwice(fd, size);
    const { body } = content;
    const stored =
      body instanceof Uint8Array && isSmall(body, options)
        ? { place, content: { ...content, body } }
        : await storeContent(place, content, options);
    return isSame(before, fstatSync(fd, { bigint: true })) ? stored : failed('changed', CHANGED, size);
  } catch (error) {
    if (error instanceof FileChangedError) return failed('changed', CHANGED);
    // Only the file's own faults have an errno; the store's are ImgclsErrors.
    if ((error as NodeJS.ErrnoException).syscall === 'read') return failed('unreadable', messageOf(error));
    throw error;
  } finally {
    closeSync(fd);
  }
}

/** What was read is not what was looked at before. */
class FileChangedError extends Error {}

const CHANGED = 'The file changed while it was read.';

/** A writer may change bytes while they are read and leave their number as it was. */
const isSame = (before: BigIntStats, after: BigIntStats): boolean =>
  before.size === after.size && before.mtimeNs === after.mtimeNs;

async function readWhole(fd: number, size: number): Promise<Content> {
  // Room for one byte more than there should be, so that a file which grew shows.
  const buffer = Buffer.allocUnsafe(size + 1);
  let filled = 0;
  while (filled < size) {
    const { bytesRead } = await read(fd, buffer, filled, buffer.byteLength - filled, filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  if (filled !== size) throw new FileChangedError();
  const body = buffer.subarray(0, size);
  return { sha256: hash('sha256', body), body };
}

/** Hashes the file, then gives its bytes once more: they are stored only if they are the same. */
async function readTwice(fd: number, bytes: number): Promise<Content> {
  // The same descriptor every time: another file of the same name is another file.
  const again = () => fs.createReadStream('', { fd, start: 0, end: bytes - 1, autoClose: false });
  const sha256 = await digestOf(again(), bytes);
  return { sha256, body: { bytes, open: () => Readable.from(checked(again(), sha256)) } };
}

async function digestOf(chunks: AsyncIterable<Buffer>, bytes: number): Promise<string> {
  const sha = createHash('sha256');
  let count = 0;
  for await (const chunk of chunks) {
    sha.update(chunk);
    count += chunk.byteLength;
  }
  if (count !== bytes) throw new FileChangedError();
  return sha.digest('hex');
}

/** Passes chunks on, each when the next is there; the last only when all of them together have the digest. */
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

/** A name past the limit loses its beginning, which says least of a path. */
export function shortName(name: string): string {
  if (Buffer.byteLength(name) <= MAX_NAME_BYTES) return name;
  const tail = Buffer.from(name).subarray(3 - MAX_NAME_BYTES);
  // The cut may fall inside a character.
  return `…${tail.toString().replace(/^\uFFFD+/, '')}`;
}

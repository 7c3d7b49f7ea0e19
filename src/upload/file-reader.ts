// Opens and reads the files of an upload.

import { createHash, hash } from 'node:crypto';
import fs, { constants, readSync } from 'node:fs';
import type { Clock } from '../core/runtime/clock.ts';
import type { FilePath } from './inputs.ts';

/** Non-blocking: opening a pipe without a writer must not hang. */
const FLAGS = constants.O_RDONLY | constants.O_NONBLOCK;

// Descriptors, because FileHandles take twice the time for a small file.
const openInPool = (path: FilePath): Promise<number> =>
  new Promise((resolve, reject) => {
    fs.open(path, FLAGS, (error, fd) => (error === null ? resolve(fd) : reject(error)));
  });

/** Reads from a place in the file to the same place in the buffer. @returns how many bytes. */
const readInPool = (fd: number, buffer: Buffer, at: number): Promise<number> =>
  new Promise((resolve, reject) => {
    fs.read(fd, buffer, at, buffer.byteLength - at, at, (error, bytes) =>
      error === null ? resolve(bytes) : reject(error),
    );
  });

/** Files up to this size are read into memory at once. */
export const IN_MEMORY_BYTES = 8 * 1024 * 1024;

/** Files up to this size are read without the thread pool, whose two hops take longer than to read a file of 100 KB. */
const AT_ONCE_BYTES = 1024 * 1024;
/** Opening or reading takes a hundredth of this where the system has the file at hand. A disk or a network takes longer. */
const SLOW_MS = 0.5;
/** The mean is over about so many operations. */
const MEAN_OF = 16;
/** A longer operation counts as this long: on a busy machine the process itself pauses now and then. */
const LONGEST_MS = 4;
/** So many files are then read in the thread pool, several at a time, before the next one is tried without it. */
const FILES_IN_POOL = 64;

/** The file changed between two reads. */
export class FileChangedError extends Error {}

/**
 * Opens and hashes files without the thread pool while the system has them at hand, as it has a folder that was copied or
 * read lately: the pool doubles the time for them. From a slow disk or a network they are read in the pool.
 */
export class FileReader {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  /** For files that are hashed at once, one after the other. One byte more, to detect a file that has grown. */
  readonly #buffer = Buffer.allocUnsafeSlow(AT_ONCE_BYTES + 1);
  #meanMs = 0;
  #filesInPool = 0;

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  open(path: FilePath): number | Promise<number> {
    return this.#filesInPool === 0 ? this.#atOnce(() => fs.openSync(path, FLAGS)) : openInPool(path);
  }

  /** The sha256 of the open file. @throws {FileChangedError} if it has not this size. */
  digest(fd: number, bytes: number): string | Promise<string> {
    if (bytes > AT_ONCE_BYTES) return digestInPool(fd, bytes);
    if (this.#filesInPool > 0) {
      this.#filesInPool--;
      return digestInPool(fd, bytes);
    }
    const filled = this.#atOnce(() => readAtOnce(fd, this.#buffer.subarray(0, bytes + 1)));
    if (filled !== bytes) throw new FileChangedError();
    return hash('sha256', this.#buffer.subarray(0, bytes));
  }

  #atOnce<T>(operation: () => T): T {
    const startMs = this.#clock.monotonicMs();
    try {
      return operation();
    } finally {
      const tookMs = Math.min(this.#clock.monotonicMs() - startMs, LONGEST_MS);
      this.#meanMs += (tookMs - this.#meanMs) / MEAN_OF;
      if (this.#meanMs > SLOW_MS) this.#filesInPool = FILES_IN_POOL;
    }
  }
}

function readAtOnce(fd: number, buffer: Buffer): number {
  let filled = 0;
  for (let read = -1; read !== 0 && filled < buffer.byteLength; filled += read)
    read = readSync(fd, buffer, filled, buffer.byteLength - filled, filled);
  return filled;
}

const digestInPool = async (fd: number, bytes: number): Promise<string> =>
  bytes <= IN_MEMORY_BYTES
    ? hash('sha256', await readWhole(fd, bytes))
    : await digestOf(streamOf(fd, bytes), bytes);

/** The whole open file. @throws {FileChangedError} if it has not this size. */
export async function readWhole(fd: number, size: number): Promise<Buffer> {
  // One byte more than the size, to detect a file that has grown.
  const buffer = Buffer.allocUnsafe(size + 1);
  let filled = 0;
  while (filled < size) {
    const bytes = await readInPool(fd, buffer, filled);
    if (bytes === 0) break;
    filled += bytes;
  }
  if (filled !== size) throw new FileChangedError();
  return buffer.subarray(0, size);
}

/** The open file from its start. The path may name another file by then. */
export const streamOf = (fd: number, bytes: number) =>
  fs.createReadStream('', { fd, start: 0, end: bytes - 1, autoClose: false });

/** @throws {FileChangedError} if there are not so many bytes. */
export async function digestOf(chunks: AsyncIterable<Buffer>, bytes: number): Promise<string> {
  const sha = createHash('sha256');
  let count = 0;
  for await (const chunk of chunks) {
    sha.update(chunk);
    count += chunk.byteLength;
  }
  if (count !== bytes) throw new FileChangedError();
  return sha.digest('hex');
}

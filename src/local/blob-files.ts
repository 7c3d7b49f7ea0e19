/** The files with the bytes of larger objects, under random names. Only the database knows which object has which file. */
import { randomBytes } from 'node:crypto';
import { statSync, writeFileSync } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Body } from '../core/cloud/ports.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import { isMissingFile, toFault } from './faults.ts';

/** Folders for files, named by the first two hexadecimal digits of the files' names. */
export const MOST_SHARDS = 256;

export class BlobFiles {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  /** Writes a new file, flushes it to disk and returns its name. After a failure no file is left. */
  async write(body: Body, signal?: AbortSignal): Promise<string> {
    const random = randomBytes(16).toString('hex');
    const shard = random.slice(0, 2);
    const name = `${shard}/${random}`;
    const path = this.pathOf(name);
    try {
      const file = await this.#create(path, shard);
      try {
        // The write goes to the page cache. Handing it to the thread pool would double the time it takes.
        if (body instanceof Uint8Array) writeFileSync(file.fd, body);
        else for await (const chunk of lengthChecked(body, signal)) writeFileSync(file.fd, chunk);
        // Flush before the row is written: an object must never exist without its bytes. (The usual journaling file
        // systems keep a new file's name together with its content.)
        await file.sync();
      } finally {
        await file.close();
      }
      return name;
    } catch (error) {
      await unlink(path).catch(() => {});
      throw toFault(error, this.#root);
    }
  }

  pathOf(name: string): string {
    return join(this.#root, name);
  }

  /** The length of the file; undefined if it does not exist. Synchronous: in the thread pool it would take ten times as long. */
  bytesOf(name: string): number | undefined {
    return statSync(this.pathOf(name), { throwIfNoEntry: false })?.size;
  }

  /** Undefined if the file does not exist. */
  async open(name: string): Promise<FileHandle | undefined> {
    try {
      return await open(this.pathOf(name), 'r');
    } catch (error) {
      if (isMissingFile(error)) return undefined;
      throw toFault(error, this.#root);
    }
  }

  /** A missing file counts as removed. */
  async remove(name: string): Promise<void> {
    try {
      await unlink(this.pathOf(name));
    } catch (error) {
      if (!isMissingFile(error)) throw toFault(error, this.#root);
    }
  }

  /** The existing folders. They are created when needed. */
  async shards(): Promise<string[]> {
    return await readdir(this.#root).catch(() => []);
  }

  /** The names of one shard's files. */
  async inShard(shard: string): Promise<string[]> {
    const files = await readdir(join(this.#root, shard)).catch(() => []);
    return files.map((file) => `${shard}/${file}`);
  }

  /** When the file was last written; undefined if it does not exist. */
  async writtenAtMs(name: string): Promise<number | undefined> {
    return (await stat(this.pathOf(name)).catch(() => undefined))?.mtimeMs;
  }

  async #create(path: string, shard: string): Promise<FileHandle> {
    try {
      return await open(path, 'wx', 0o600);
    } catch (error) {
      if (!isMissingFile(error)) throw error;
      await mkdir(join(this.#root, shard), { recursive: true, mode: 0o700 });
      return await open(path, 'wx', 0o600);
    }
  }
}

/** The chunks of a stream body. Fails if their length differs from the declared one. */
export async function* lengthChecked(
  body: { bytes: number; open(): Readable },
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const stream = body.open();
  const stop = (): void => void stream.destroy(signal?.reason);
  signal?.addEventListener('abort', stop);
  let bytes = 0;
  try {
    signal?.throwIfAborted();
    for await (const chunk of stream as AsyncIterable<Uint8Array | string>) {
      const piece = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
      bytes += piece.byteLength;
      if (bytes > body.bytes) break;
      yield piece;
    }
  } finally {
    signal?.removeEventListener('abort', stop);
    if (!stream.destroyed) stream.destroy();
  }
  if (bytes !== body.bytes) {
    const found = bytes > body.bytes ? 'more' : `${bytes}`;
    throw new ImgclsError(
      'permanent',
      `The data changed while it was read: expected ${body.bytes} bytes, found ${found}.`,
      { hint: 'Try again when no other program writes to it.' },
    );
  }
}

/** The files that hold the bytes of larger objects, under random names. Which object is whose, only the database knows. */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Body } from '../core/cloud/ports.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import { isMissingFile, toFault } from './faults.ts';

/** Folders, named by the first two digits of their files' names. */
export const MOST_SHARDS = 256;

export class BlobFiles {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  /** Writes a new file and has it on the disk; answers its name. On failure nothing is left. */
  async write(body: Body, signal?: AbortSignal): Promise<string> {
    const random = randomBytes(16).toString('hex');
    const shard = random.slice(0, 2);
    const name = `${shard}/${random}`;
    const path = this.pathOf(name);
    try {
      const file = await this.#create(path, shard);
      try {
        // The system keeps what is written in memory at first: a turn in the thread pool would take as long again.
        if (body instanceof Uint8Array) writeFileSync(file.fd, body);
        else for await (const chunk of counted(body, signal)) writeFileSync(file.fd, chunk);
        // Before its row: no object must ever outlive its bytes. (The usual journaling file systems keep a new file's
        // name together with its content.)
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

  /** Undefined when the file is gone. */
  async open(name: string): Promise<FileHandle | undefined> {
    try {
      return await open(this.pathOf(name), 'r');
    } catch (error) {
      if (isMissingFile(error)) return undefined;
      throw toFault(error, this.#root);
    }
  }

  /** A file that is gone counts as removed. */
  async remove(name: string): Promise<void> {
    try {
      await unlink(this.pathOf(name));
    } catch (error) {
      if (!isMissingFile(error)) throw toFault(error, this.#root);
    }
  }

  /** The folders that there are; they are made when they are needed. */
  async shards(): Promise<string[]> {
    return await readdir(this.#root).catch(() => []);
  }

  /** The names of one shard's files. */
  async inShard(shard: string): Promise<string[]> {
    const files = await readdir(join(this.#root, shard)).catch(() => []);
    return files.map((file) => `${shard}/${file}`);
  }

  /** When the file was last written; undefined when it is gone. */
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

/** The chunks of a stream body, which must have the length that it declares. */
export async function* counted(
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
    throw new ImgclsError('permanent', `The data should have ${body.bytes} bytes and has ${found}.`, {
      hint: 'It changed while it was read; try again.',
    });
  }
}

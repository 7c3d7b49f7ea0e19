import { createHash, randomUUID } from 'node:crypto';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import type { Body } from '../core/cloud/ports.ts';
import { DiskFullError } from '../core/runtime/errors.ts';
import type { Shares } from './shares.ts';

/** Received data in a temporary file, with its digest. */
export interface Spooled {
  sha256: string;
  body: Body;
  /** The first bytes, which show the format. */
  head: Buffer;
  /** Frees the disk space. */
  release(): Promise<void>;
}

const HEAD_BYTES = 4096;

export interface SpoolOptions {
  /** The bytes that all temporary files can have together. */
  shares: Shares;
  caller: string;
}

/**
 * Writes received data to a temporary file, with one chunk in memory at a time. The open file is unlinked at once, so
 * nothing remains of it however the process ends.
 * @throws the error of the source. @throws {HttpProblem} if the temporary files have too many bytes.
 * @throws {DiskFullError}
 */
export async function spool(chunks: AsyncIterable<Buffer>, options: SpoolOptions): Promise<Spooled> {
  const file = await SpoolFile.open(options);
  try {
    const sha = createHash('sha256');
    let head: Buffer = Buffer.alloc(0);
    for await (const chunk of chunks) {
      sha.update(chunk);
      if (head.length < HEAD_BYTES) head = Buffer.concat([head, chunk.subarray(0, HEAD_BYTES - head.length)]);
      await file.append(chunk);
    }
    const { bytes } = file;
    const body = { bytes, open: () => file.read() };
    return { sha256: sha.digest('hex'), body, head, release: () => file.release() };
  } catch (error) {
    await file.release();
    throw error;
  }
}

class SpoolFile {
  readonly #file: FileHandle;
  readonly #options: SpoolOptions;
  bytes = 0;

  private constructor(file: FileHandle, options: SpoolOptions) {
    this.#file = file;
    this.#options = options;
  }

  static async open(options: SpoolOptions): Promise<SpoolFile> {
    const name = path.join(tmpdir(), `imgcls-upload-${randomUUID()}`);
    const file = await open(name, 'wx+', 0o600).catch(fullDisk);
    await unlink(name).catch(async (error: unknown) => {
      await file.close();
      throw error;
    });
    return new SpoolFile(file, options);
  }

  async append(chunk: Buffer): Promise<void> {
    this.#options.shares.take(this.#options.caller, chunk.length);
    const start = this.bytes;
    this.bytes += chunk.length;
    for (let done = 0; done < chunk.length; ) {
      const rest = chunk.length - done;
      const { bytesWritten } = await this.#file.write(chunk, done, rest, start + done).catch(fullDisk);
      done += bytesWritten;
    }
  }

  read(): Readable {
    if (this.bytes === 0) return Readable.from([]);
    const stream = this.#file.createReadStream({ start: 0, end: this.bytes - 1, autoClose: false });
    // An `error` event without a listener ends the process; a reader that has stopped has none.
    return stream.on('error', () => {});
  }

  async release(): Promise<void> {
    await this.#file.close();
    this.#options.shares.giveBack(this.#options.caller, this.bytes);
  }
}

const FULL_DISK_CODES: readonly unknown[] = ['ENOSPC', 'EDQUOT'];

function fullDisk(error: unknown): never {
  if (!FULL_DISK_CODES.includes((error as NodeJS.ErrnoException).code)) throw error;
  throw new DiskFullError(`The temporary folder ${tmpdir()} is full.`, error);
}

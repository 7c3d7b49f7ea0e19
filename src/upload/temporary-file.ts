import { randomUUID } from 'node:crypto';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { DiskFullError } from '../core/runtime/errors.ts';

/**
 * Data that is too large for memory. The open file is unlinked at once, so nothing remains of it however the process ends.
 */
export class TemporaryFile {
  readonly #file: FileHandle;
  bytes = 0;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** @throws {DiskFullError} */
  static async open(): Promise<TemporaryFile> {
    const name = path.join(tmpdir(), `imgcls-upload-${randomUUID()}`);
    const file = await open(name, 'wx+', 0o600).catch(fullDisk);
    await unlink(name).catch(async (error: unknown) => {
      await file.close();
      throw error;
    });
    return new TemporaryFile(file);
  }

  /** @throws {DiskFullError} */
  async append(chunk: Buffer): Promise<void> {
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

  /** Frees the disk space. */
  close(): Promise<void> {
    return this.#file.close();
  }
}

const FULL_DISK_CODES: readonly unknown[] = ['ENOSPC', 'EDQUOT'];

function fullDisk(error: unknown): never {
  if (!FULL_DISK_CODES.includes((error as NodeJS.ErrnoException).code)) throw error;
  throw new DiskFullError(`The temporary folder ${tmpdir()} is full.`, error);
}

/** The files of this machine, as a bucket that can only be read. Its keys are absolute paths. */
import type { BigIntStats } from 'node:fs';
import { constants, type FileHandle, open, stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { FILES_BUCKET, fileEtag, sizeInEtag } from '../core/cloud/files-in-place.ts';
import type { ByteRange, GetOptions, ObjectInfo, Store } from '../core/cloud/ports.ts';
import {
  ImgclsError,
  ObjectMissingError,
  PreconditionFailedError,
  readFault,
} from '../core/runtime/errors.ts';
import { asMachineFault } from '../core/runtime/machine-fault.ts';

export class FilesInPlace implements Store {
  readonly bucket = FILES_BUCKET;

  async head(path: string, signal?: AbortSignal): Promise<ObjectInfo | undefined> {
    signal?.throwIfAborted();
    try {
      return infoOf(path, await stat(path, { bigint: true }));
    } catch (error) {
      const fault = toFault(error, path);
      if (fault instanceof ObjectMissingError) return undefined;
      throw fault;
    }
  }

  async get(path: string, options: GetOptions = {}): Promise<{ info: ObjectInfo; body: Uint8Array }> {
    const { info, body } = await this.getStream(path, options);
    return { info, body: Buffer.concat(await Array.fromAsync(body as AsyncIterable<Uint8Array>)) };
  }

  async getStream(
    path: string,
    { ifMatch, range, signal }: GetOptions & { range?: ByteRange } = {},
  ): Promise<{ info: ObjectInfo; body: Readable }> {
    signal?.throwIfAborted();
    // No pack is a file of a user.
    if (range !== undefined) throw refusal();
    let file: FileHandle | undefined;
    try {
      // Non-blocking: a pipe that took the place of the file must not hang the process.
      file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
      const info = infoOf(path, await file.stat({ bigint: true }));
      if (ifMatch !== undefined && info.etag !== ifMatch)
        throw new PreconditionFailedError(this.bucket, path);
      return { info, body: streamOf(file, path, signal) };
    } catch (error) {
      await file?.close();
      throw toFault(error, path);
    }
  }

  /** For a known version it does not ask the system, which takes longer than all else that a worker does for a small image. */
  async fileOf(
    path: string,
    { etag = '', signal }: { etag?: string | undefined; signal?: AbortSignal } = {},
  ): Promise<{ path: string; bytes: number }> {
    const bytes = sizeInEtag(etag) ?? (await this.head(path, signal))?.bytes;
    if (bytes === undefined) throw new ObjectMissingError(this.bucket, path);
    return { path, bytes };
  }

  async put(): Promise<never> {
    throw refusal();
  }

  async refresh(): Promise<never> {
    throw refusal();
  }

  async delete(): Promise<never> {
    throw refusal();
  }

  list(): never {
    throw refusal();
  }

  listFolders(): never {
    throw refusal();
  }
}

const refusal = () =>
  new ImgclsError('permanent', 'Files of this machine can only be read, each whole and by its path.');

/** @throws {ObjectMissingError} if another kind of file took its place. */
function infoOf(path: string, found: BigIntStats): ObjectInfo {
  if (!found.isFile()) throw new ObjectMissingError(FILES_BUCKET, path);
  return { etag: fileEtag(found), bytes: Number(found.size), modifiedAtMs: Number(found.mtimeMs) };
}

/** As the stream of the file itself, but errors are those of the store: a bad sector is a fault of this file alone. */
const streamOf = (file: FileHandle, path: string, signal: AbortSignal | undefined): Readable =>
  new Readable({
    ...(signal && { signal }),
    read(size) {
      file.read(Buffer.allocUnsafeSlow(size), 0, size).then(
        ({ bytesRead, buffer }) => this.push(bytesRead === 0 ? null : buffer.subarray(0, bytesRead)),
        (error) => this.destroy(toFault(error, path) as Error),
      );
    },
    destroy(error, done) {
      file.close().then(() => done(error), done);
    },
  });

const GONE: readonly unknown[] = ['ENOENT', 'ENOTDIR'];
const FORBIDDEN: readonly unknown[] = ['EACCES', 'EPERM'];

/** An error of the file system as one of the store; returns any other error (an abort) unchanged. */
function toFault(error: unknown, path: string): unknown {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (syscall === undefined) return error;
  if (GONE.includes(code)) return new ObjectMissingError(FILES_BUCKET, path, error);
  const kind = asMachineFault(error) === undefined ? 'permanent' : 'transient';
  const advice = FORBIDDEN.includes(code)
    ? '. If the worker runs as another user, give it access to the file or upload with --copy'
    : '';
  return new ImgclsError(kind, `${readFault(error)}${advice}.`, { cause: error });
}

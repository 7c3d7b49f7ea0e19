/** The object store of the embedded cloud: an index and small bodies in SQLite, larger bodies in files. */
import { randomBytes } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import type {
  Body,
  ByteRange,
  GetOptions,
  ListedObject,
  ObjectInfo,
  PutOptions,
  Store,
} from '../core/cloud/ports.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { ObjectDamagedError, ObjectMissingError, PreconditionFailedError } from '../core/runtime/errors.ts';
import { type BlobFiles, lengthChecked } from './blob-files.ts';
import { streamOf, streamOfFile } from './body-streams.ts';
import { checkKey } from './check-key.ts';
import type { LocalDatabase } from './database.ts';
import { toFault } from './faults.ts';
import { addPredictions } from './known-images.ts';
import {
  addJob,
  deleteObject,
  findObject,
  markFileForDeletion,
  OBJECT_COLUMNS,
  type ObjectRow,
  setModified,
} from './object-rows.ts';
import type { Reserve } from './reserve.ts';
import type { Sweeper } from './sweeper.ts';

/** Bodies up to this size are stored in the database, without a file and its flush. See benchmarks/embedded-cloud.ts. */
export const INLINE_BYTES = 32_768;
const LIST_PAGE = 1_000;
const DELETE_PAGE = 200;

/** Where the bytes of a new version are. */
type StoredBytes =
  | { bytes: number; data: Uint8Array; file: null }
  | { bytes: number; data: null; file: string };

export interface StoreParts {
  bucket: string;
  db: LocalDatabase;
  files: BlobFiles;
  sweeper: Sweeper;
  reserve: Reserve;
  clock: Pick<Clock, 'nowMs'>;
}

export class LocalStore implements Store {
  readonly bucket: string;
  readonly #db: LocalDatabase;
  readonly #files: BlobFiles;
  readonly #sweeper: Sweeper;
  readonly #reserve: Reserve;
  readonly #clock: Pick<Clock, 'nowMs'>;

  constructor({ bucket, db, files, sweeper, reserve, clock }: StoreParts) {
    this.bucket = bucket;
    this.#db = db;
    this.#files = files;
    this.#sweeper = sweeper;
    this.#reserve = reserve;
    this.#clock = clock;
  }

  async head(key: string, signal?: AbortSignal): Promise<ObjectInfo | undefined> {
    signal?.throwIfAborted();
    const row = await this.#db.read(() => this.#findWhole(key));
    return row === undefined ? undefined : infoOf(row);
  }

  async get(key: string, options: GetOptions = {}): Promise<{ info: ObjectInfo; body: Uint8Array }> {
    const { info, data, file } = await this.#locate(key, options);
    if (file === undefined) return { info, body: data };
    try {
      return { info, body: await file.readFile(options.signal ? { signal: options.signal } : {}) };
    } catch (error) {
      throw toFault(error, this.#db.file);
    } finally {
      await file.close();
    }
  }

  async getStream(
    key: string,
    { range, ...options }: GetOptions & { range?: ByteRange } = {},
  ): Promise<{ info: ObjectInfo; body: Readable }> {
    const { info, data, file } = await this.#locate(key, options);
    const { offset = 0, length = info.bytes } = range ?? {};
    if (offset > 0 && offset >= info.bytes) {
      await file?.close();
      throw new ObjectDamagedError(this.bucket, key, `it has ${info.bytes} bytes`);
    }
    const end = Math.min(offset + length, info.bytes);
    const body =
      file === undefined
        ? streamOf(data.subarray(offset, end))
        : streamOfFile(file, { start: offset, end }, options.signal);
    return { info: { ...info, bytes: end - offset }, body };
  }

  async fileOf(
    key: string,
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<{ path: string; bytes: number } | undefined> {
    signal?.throwIfAborted();
    const row = await this.#db.read(() => this.#find(key));
    if (row === undefined) throw new ObjectMissingError(this.bucket, key);
    return row.file === null ? undefined : { path: this.#files.pathOf(row.file), bytes: row.bytes };
  }

  async put(key: string, body: Body, options: PutOptions = {}): Promise<ObjectInfo> {
    const { only, signal } = options;
    checkKey(key);
    signal?.throwIfAborted();
    const bytes = body instanceof Uint8Array ? body.byteLength : body.bytes;
    if (bytes <= INLINE_BYTES) {
      // Copy: the caller may reuse its buffer before the transaction begins.
      const data = body instanceof Uint8Array ? Uint8Array.from(body) : await collect(body, signal);
      signal?.throwIfAborted();
      return await this.#db.write(() => this.#replace(key, { bytes, data, file: null }, options));
    }
    // Most conflicting puts fail here, before they write a file.
    if (only !== undefined) await this.#db.read(() => this.#check(key, only));
    const file = await this.#files.write(body, signal);
    try {
      return await this.#db.write(() => this.#replace(key, { bytes, data: null, file }, options));
    } catch (error) {
      await this.#files.remove(file);
      throw error;
    } finally {
      this.#sweeper.schedule();
    }
  }

  async refresh(key: string, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    await this.#db.write(() => {
      const exists = setModified(this.#db, this.#place(key), this.#clock.nowMs());
      if (!exists) throw new ObjectMissingError(this.bucket, key);
    });
  }

  async keepFor(key: string, job: string, signal?: AbortSignal): Promise<boolean> {
    signal?.throwIfAborted();
    return await this.#db.write(() => {
      if (this.#findWhole(key) === undefined) return false;
      addJob(this.#db, this.#place(key), job);
      return true;
    });
  }

  async delete(keys: readonly string[], signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    for (let at = 0; at < keys.length; at += DELETE_PAGE) {
      const page = keys.slice(at, at + DELETE_PAGE);
      await this.#reserve.forDelete(() =>
        this.#db.write(() => {
          for (const key of page) deleteObject(this.#db, this.#place(key));
        }),
      );
      signal?.throwIfAborted();
    }
    if (keys.length > 0) this.#sweeper.scheduleDeleted();
  }

  async *list(
    prefix: string,
    { startAfter, signal }: { startAfter?: string; signal?: AbortSignal } = {},
  ): AsyncGenerator<ListedObject> {
    // TEXT compares as UTF-8 bytes. UTF-8 never has a byte FF, so the upper bound comes right after the last key with the
    // prefix. Given two lower bounds, SQLite would seek to one and scan all keys between them for every page.
    const page = (after: string | undefined): ObjectRow[] => {
      const isWithin = after !== undefined && Buffer.compare(Buffer.from(after), Buffer.from(prefix)) >= 0;
      return this.#db
        .sql(
          `SELECT ${OBJECT_COLUMNS} FROM objects WHERE bucket = ? AND key ${isWithin ? '>' : '>='} ?
           AND key < CAST(CAST(? AS BLOB) || x'FF' AS TEXT) ORDER BY key LIMIT ${LIST_PAGE}`,
        )
        .all(this.bucket, isWithin ? after : prefix, prefix) as unknown as ObjectRow[];
    };
    for (let after = startAfter; ; ) {
      signal?.throwIfAborted();
      const rows = await this.#db.read(() => page(after));
      for (const row of rows) yield { key: row.key, ...infoOf(row) };
      if (rows.length < LIST_PAGE) return;
      after = rows.at(-1)?.key;
    }
  }

  async *listFolders(prefix: string, signal?: AbortSignal): AsyncGenerator<string> {
    // In byte order '0' follows '/': `${folder}0` is the first key after all keys of the folder.
    const next = (from: string): ObjectRow | undefined =>
      this.#db
        .sql(
          `SELECT ${OBJECT_COLUMNS} FROM objects WHERE bucket = ? AND key >= ? AND instr(substr(key, length(?) + 1), '/') > 0
           AND key < CAST(CAST(? AS BLOB) || x'FF' AS TEXT) ORDER BY key LIMIT 1`,
        )
        .get(this.bucket, from, prefix, prefix) as ObjectRow | undefined;
    for (let from = prefix; ; ) {
      signal?.throwIfAborted();
      const found = await this.#db.read(() => next(from));
      if (found === undefined) return;
      const folder = found.key.slice(prefix.length, found.key.indexOf('/', prefix.length));
      yield folder;
      from = `${prefix}${folder}0`;
    }
  }

  /** The object's bytes, or its opened file: this version stays readable if the object is replaced or deleted. */
  async #locate(
    key: string,
    { ifMatch, signal }: GetOptions,
  ): Promise<
    | { info: ObjectInfo; data: Uint8Array; file?: undefined }
    | { info: ObjectInfo; data?: undefined; file: FileHandle }
  > {
    for (let missing: string | undefined; ; ) {
      signal?.throwIfAborted();
      const row = await this.#db.read(() => this.#find(key, ', data'));
      if (row === undefined) throw new ObjectMissingError(this.bucket, key);
      if (ifMatch !== undefined && row.etag !== ifMatch) throw new PreconditionFailedError(this.bucket, key);
      if (row.file === null) return { info: infoOf(row), data: row.data ?? new Uint8Array() };
      if (row.file === missing) throw new ObjectMissingError(this.bucket, key);
      const file = await this.#files.open(row.file);
      if (file !== undefined) {
        const { size } = await file.stat();
        if (size === row.bytes) return { info: infoOf(row), file };
        await file.close();
        throw new ObjectDamagedError(this.bucket, key, `its file has ${size} of ${row.bytes} bytes`);
      }
      // The object was probably replaced just now and has another file: look again. If not, its file was deleted.
      missing = row.file;
    }
  }

  #place(key: string) {
    return { bucket: this.bucket, key };
  }

  #find(key: string, more: '' | ', data' = ''): ObjectRow | undefined {
    return findObject(this.#db, this.#place(key), more);
  }

  /** The row of an object that can be read. One whose file is gone or has another length counts as absent: a put replaces it. */
  #findWhole(key: string): ObjectRow | undefined {
    const row = this.#find(key);
    const isWhole = row === undefined || row.file === null || this.#files.bytesOf(row.file) === row.bytes;
    return isWhole ? row : undefined;
  }

  #check(key: string, only: PutOptions['only']): void {
    if (only === undefined) return;
    const found = this.#findWhole(key);
    if (only === 'absent' ? found !== undefined : found?.etag !== only.etag) {
      throw new PreconditionFailedError(this.bucket, key);
    }
  }

  /** Makes the new version the object's current one. Runs in a transaction. */
  #replace(
    key: string,
    { bytes, data, file }: StoredBytes,
    { only, forJob, predictions }: PutOptions,
  ): ObjectInfo {
    this.#check(key, only);
    markFileForDeletion(this.#db, this.#find(key));
    if (forJob !== undefined) addJob(this.#db, this.#place(key), forJob);
    const info = { etag: randomBytes(12).toString('hex'), bytes, modifiedAtMs: this.#clock.nowMs() };
    this.#db
      .sql(
        `INSERT INTO objects (bucket, key, etag, bytes, modified_at_ms, file, data) VALUES (?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (bucket, key) DO UPDATE SET etag = excluded.etag, bytes = excluded.bytes,
         modified_at_ms = excluded.modified_at_ms, file = excluded.file, data = excluded.data`,
      )
      .run(this.bucket, key, info.etag, bytes, info.modifiedAtMs, file, data);
    if (predictions !== undefined) addPredictions(this.#db, { key, etag: info.etag }, predictions);
    return info;
  }
}

const infoOf = ({ etag, bytes, modifiedAtMs }: ObjectRow): ObjectInfo => ({ etag, bytes, modifiedAtMs });

async function collect(body: Exclude<Body, Uint8Array>, signal?: AbortSignal): Promise<Uint8Array> {
  return Buffer.concat(await Array.fromAsync(lengthChecked(body, signal)));
}

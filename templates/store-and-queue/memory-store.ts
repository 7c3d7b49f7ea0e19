/** A store in memory, with S3's semantics. Copy it to a folder beside src/aws/ and put your service in place of the map. */
import { hash } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type {
  Body,
  ByteRange,
  GetOptions,
  ListedObject,
  ObjectInfo,
  PutOptions,
  Store,
} from '../../src/core/cloud/ports.ts';
import {
  ImgclsError,
  ObjectDamagedError,
  ObjectMissingError,
  PreconditionFailedError,
} from '../../src/core/runtime/errors.ts';

interface StoredObject {
  info: ObjectInfo;
  body: Uint8Array;
}

export class MemoryStore implements Store {
  readonly bucket: string;
  readonly #nowMs: () => number;
  readonly #objects = new Map<string, StoredObject>();
  #writes = 0;

  constructor(bucket: string, nowMs: () => number) {
    this.bucket = bucket;
    this.#nowMs = nowMs;
  }

  async head(key: string, signal?: AbortSignal): Promise<ObjectInfo | undefined> {
    signal?.throwIfAborted();
    return this.#objects.get(key)?.info;
  }

  async get(key: string, { ifMatch, signal }: GetOptions = {}): Promise<StoredObject> {
    signal?.throwIfAborted();
    const found = this.#require(key);
    if (ifMatch !== undefined && found.info.etag !== ifMatch)
      throw new PreconditionFailedError(this.bucket, key);
    return found;
  }

  async getStream(
    key: string,
    { range, ...options }: GetOptions & { range?: ByteRange } = {},
  ): Promise<{ info: ObjectInfo; body: Readable }> {
    const { info, body } = await this.get(key, options);
    if (range === undefined) return { info, body: Readable.from([body]) };
    const part = body.subarray(range.offset, range.offset + range.length);
    if (part.byteLength === 0) throw new ObjectDamagedError(this.bucket, key, 'it ends before the range');
    return { info: { ...info, bytes: part.byteLength }, body: Readable.from([part]) };
  }

  async put(key: string, body: Body, { only, signal }: PutOptions = {}): Promise<ObjectInfo> {
    signal?.throwIfAborted();
    const bytes = await bytesOf(body);
    // From here to the end nothing else runs, so the condition holds when the object is written.
    const present = this.#objects.get(key);
    const isAllowed =
      only === undefined || (only === 'absent' ? present === undefined : present?.info.etag === only.etag);
    if (!isAllowed) throw new PreconditionFailedError(this.bucket, key);
    const etag = hash('sha256', `${++this.#writes}`);
    const info = { etag, bytes: bytes.byteLength, modifiedAtMs: this.#nowMs() };
    this.#objects.set(key, { info, body: bytes });
    return info;
  }

  async refresh(key: string, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const { info, body } = this.#require(key);
    this.#objects.set(key, { info: { ...info, modifiedAtMs: this.#nowMs() }, body });
  }

  async delete(keys: readonly string[], signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    for (const key of keys) this.#objects.delete(key);
  }

  async *list(
    prefix: string,
    { startAfter, signal }: { startAfter?: string; signal?: AbortSignal } = {},
  ): AsyncGenerator<ListedObject> {
    signal?.throwIfAborted();
    for (const key of this.#keys(prefix)) {
      if (startAfter !== undefined && byBytes(key, startAfter) <= 0) continue;
      const found = this.#objects.get(key);
      if (found !== undefined) yield { key, ...found.info };
    }
  }

  async *listFolders(prefix: string, signal?: AbortSignal): AsyncGenerator<string> {
    signal?.throwIfAborted();
    const rests = this.#keys(prefix).map((key) => key.slice(prefix.length));
    yield* new Set(
      rests.filter((rest) => rest.includes('/')).map((rest) => rest.slice(0, rest.indexOf('/'))),
    );
  }

  #keys(prefix: string): string[] {
    return [...this.#objects.keys()].filter((key) => key.startsWith(prefix)).sort(byBytes);
  }

  #require(key: string): StoredObject {
    const found = this.#objects.get(key);
    if (found === undefined) throw new ObjectMissingError(this.bucket, key);
    return found;
  }
}

/** The order of keys is that of their UTF-8 bytes, which is not the order of strings. */
const byBytes = (one: string, other: string): number => Buffer.compare(Buffer.from(one), Buffer.from(other));

/** A copy: the caller may change its buffer. An error of the stream is thrown unchanged. */
async function bytesOf(body: Body): Promise<Uint8Array> {
  if (body instanceof Uint8Array) return Uint8Array.from(body);
  const bytes = await buffer(body.open());
  if (bytes.byteLength === body.bytes) return bytes;
  throw new ImgclsError('transient', `The stream has ${bytes.byteLength} bytes, not ${body.bytes}.`);
}

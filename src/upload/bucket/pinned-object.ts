import { createHash } from 'node:crypto';
import type { Store } from '../../core/cloud/ports.ts';
import { isTransient, ObjectMissingError } from '../../core/runtime/errors.ts';
import { retry } from '../../core/runtime/retry.ts';
import type { ReadTools } from '../retry-shortage.ts';

/** A connection that breaks costs so many bytes again. */
const PIECE_BYTES = 8 * 1024 * 1024;

/** One version of a large object, read piece by piece. */
export class PinnedObject {
  readonly bytes: number;
  readonly #store: Store;
  readonly #key: string;
  readonly #etag: string;
  readonly #tools: ReadTools;

  private constructor(
    store: Store,
    { key, etag, bytes }: { key: string; etag: string; bytes: number },
    tools: ReadTools,
  ) {
    this.bytes = bytes;
    this.#store = store;
    this.#key = key;
    this.#etag = etag;
    this.#tools = tools;
  }

  /** @throws {ObjectMissingError} */
  static async open(store: Store, key: string, tools: ReadTools): Promise<PinnedObject> {
    const found = await store.head(key, tools.signal);
    if (found === undefined) throw new ObjectMissingError(store.bucket, key);
    return new PinnedObject(store, { key, ...found }, tools);
  }

  /** @throws {PreconditionFailedError} if the object was replaced meanwhile. */
  read(offset: number, length: number): Promise<Buffer> {
    const { onTransient, signal } = this.#tools;
    const options = { ifMatch: this.#etag, range: { offset, length }, ...(signal && { signal }) };
    return retry(
      async () => {
        const { body } = await this.#store.getStream(this.#key, options);
        return Buffer.concat(await body.toArray());
      },
      { mayRetry: isTransient },
      { ...this.#tools, ...(onTransient && { onRetry: onTransient }) },
    );
  }

  async *pieces(): AsyncGenerator<Buffer> {
    for (let offset = 0; offset < this.bytes; offset += PIECE_BYTES)
      yield await this.read(offset, Math.min(PIECE_BYTES, this.bytes - offset));
  }

  /** In hex. */
  async md5(): Promise<string> {
    const hash = createHash('md5');
    for await (const piece of this.pieces()) hash.update(piece);
    return hash.digest('hex');
  }
}

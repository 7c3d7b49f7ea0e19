import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { pipeline, type Readable, type Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { imageFormatOf } from '../../core/model/image-format.ts';
import { otherFileKind } from '../../core/model/other-files.ts';
import { IN_MEMORY_BYTES } from '../file-reader.ts';
import type { Content } from '../put-content.ts';
import { TemporaryFile } from '../temporary-file.ts';
import { cannotFetch, FetchError } from './fetch-error.ts';

/** The bytes of a fetched image. */
export interface FetchedImage extends Content {
  /** Frees what they take on the disk. */
  release(): Promise<void>;
}

/** So many bytes show what a file is. */
const HEAD_BYTES = 4096;

/**
 * Reads the image of a response: into memory, or into a temporary file if it is large. Ends with the first bytes if they are
 * of no image, and at the limit if there are more.
 * @throws {FetchError} if there is no image, and the errors of the connection.
 */
export async function readImage(response: IncomingMessage, maxBytes: number): Promise<FetchedImage> {
  const { 'content-length': length, 'content-type': type = '' } = response.headers;
  const body = decoded(response);
  const gathered = new Gathered();
  try {
    if (Number(length) > maxBytes) throw tooLarge(`${length}`, maxBytes);
    let isChecked = false;
    for await (const chunk of body as AsyncIterable<Buffer>) {
      await gathered.append(chunk);
      if (gathered.bytes > maxBytes) throw tooLarge(`more than ${maxBytes}`, maxBytes);
      if (isChecked || gathered.bytes < HEAD_BYTES) continue;
      requireImage(gathered.head, type);
      isChecked = true;
    }
    if (!isChecked) requireImage(gathered.head, type);
    return gathered.image();
  } catch (error) {
    body.destroy();
    await gathered.release();
    throw error;
  }
}

const DECODERS: Readonly<Record<string, () => Transform>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

/** Some servers compress although they are asked not to. */
function decoded(response: IncomingMessage): Readable {
  const encoding = response.headers['content-encoding']?.trim().toLowerCase() ?? '';
  if (encoding === '' || encoding === 'identity') return response;
  const decoder = DECODERS[encoding]?.();
  if (decoder === undefined) {
    response.destroy();
    throw cannotFetch(`its encoding "${encoding}" is not known`);
  }
  // The reader gets the errors of both.
  return pipeline(response, decoder, () => {});
}

const tooLarge = (bytes: string, maxBytes: number): FetchError =>
  new FetchError({ code: 'too_large', message: `The image has ${bytes} bytes; the limit is ${maxBytes}.` });

/** The first bytes decide: types that servers name are often wrong. */
function requireImage(head: Buffer, type: string): void {
  const format = imageFormatOf(head);
  if (typeof format === 'string') return;
  if (!/^text\/html\b/i.test(type) && otherFileKind(head) !== 'an HTML page') throw new FetchError(format);
  const message = 'The address is a web page, not an image. Use the address of the image itself.';
  throw new FetchError({ code: 'not_an_image', message });
}

class Gathered {
  readonly #sha = createHash('sha256');
  #chunks: Buffer[] = [];
  #file: TemporaryFile | undefined;
  head: Buffer = Buffer.alloc(0);
  bytes = 0;

  async append(chunk: Buffer): Promise<void> {
    this.#sha.update(chunk);
    this.bytes += chunk.length;
    if (this.head.length < HEAD_BYTES)
      this.head = Buffer.concat([this.head, chunk.subarray(0, HEAD_BYTES - this.head.length)]);
    if (this.bytes <= IN_MEMORY_BYTES) {
      this.#chunks.push(chunk);
      return;
    }
    const file = this.#file ?? (await TemporaryFile.open());
    this.#file = file;
    for (const earlier of this.#chunks) await file.append(earlier);
    this.#chunks = [];
    await file.append(chunk);
  }

  image(): FetchedImage {
    const file = this.#file;
    const body =
      file === undefined ? Buffer.concat(this.#chunks) : { bytes: this.bytes, open: () => file.read() };
    return { sha256: this.#sha.digest('hex'), body, release: () => this.release() };
  }

  async release(): Promise<void> {
    await this.#file?.close();
  }
}

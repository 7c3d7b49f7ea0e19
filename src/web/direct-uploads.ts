import { Readable } from 'node:stream';
import type { Store, UploadUrls } from '../core/cloud/ports.ts';
import type { Clock } from '../core/runtime/clock.ts';
import type { Input } from '../upload/inputs.ts';
import { findContent } from '../upload/put-content.ts';
import type { UploadedJob, UploadsOffered } from './api.ts';
import { HttpProblem } from './problem.ts';
import { tooLarge, tooManyBytes } from './receive-upload.ts';
import { LOOKED_UP_AT_ONCE, type ServiceLimits } from './service-limits.ts';

export interface DirectUploadsOptions {
  input: Store;
  urls: Pick<UploadUrls, 'sign'>;
  clock: Clock;
  limits: ServiceLimits;
}

interface ContentRef {
  sha256: string;
  bytes: number;
}

const MISSING = { code: 'missing', message: 'The image is not in the bucket.' } as const;
/** How many missing images are named. */
const NAMED = 3;

/**
 * Images that their senders put into the input bucket by signed requests. What is in the bucket counts, not what they say
 * of it: a job is made of what is there, with the size and, as far as the bucket knows it, the digest that was signed.
 */
export class DirectUploads {
  readonly #options: DirectUploadsOptions;

  constructor(options: DirectUploadsOptions) {
    this.#options = options;
  }

  /** What of this is in the bucket already, and the requests that store the rest. @throws {HttpProblem} */
  async offer(contents: readonly ContentRef[]): Promise<UploadsOffered['uploads']> {
    const { urls, limits } = this.#options;
    if (contents.some(({ bytes }) => bytes > limits.imageBytes))
      throw new HttpProblem(413, `An image has more than ${limits.imageBytes} bytes.`);
    return await eachAtOnce(contents, async (content) => {
      const { sha256 } = content;
      const isThere = (await findContent(content, this.#options)) !== undefined;
      return isThere ? { sha256 } : { sha256, put: await urls.sign(content) };
    });
  }

  /** The images of a job, once all of them are in the bucket. @throws {HttpProblem} that names some that are not. */
  async take(images: UploadedJob['images']): Promise<Input[]> {
    const { limits } = this.#options;
    if (images.length > limits.files)
      throw new HttpProblem(
        413,
        `A job takes ${limits.files} images at most, and these are ${images.length}.`,
      );
    if (images.reduce((sum, { bytes }) => sum + bytes, 0) > limits.requestBytes)
      throw tooManyBytes(limits.requestBytes);
    const missing: string[] = [];
    const taken = await eachAtOnce(images, async ({ name, ...content }): Promise<Input> => {
      const image = { name, source: name };
      if (content.bytes > limits.imageBytes) return { ...image, kind: 'unreadable', error: tooLarge(limits) };
      const found = await findContent(content, this.#options);
      if (found !== undefined) return { ...image, ...found };
      missing.push(name);
      return { ...image, kind: 'unreadable', error: MISSING };
    });
    if (missing.length === 0) return taken;
    const more = missing.length > NAMED ? ` and ${missing.length - NAMED} more` : '';
    throw new HttpProblem(409, `Not in the bucket: ${missing.slice(0, NAMED).join(', ')}${more}.`, {
      hint: 'Send them first, as POST /v1/uploads says.',
    });
  }
}

/** In their order. */
function eachAtOnce<T, R>(items: readonly T[], act: (item: T) => Promise<R>): Promise<R[]> {
  return Readable.from(items).map(act, { concurrency: LOOKED_UP_AT_ONCE }).toArray();
}

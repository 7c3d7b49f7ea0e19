import { Readable } from 'node:stream';
import type { Store, UploadUrls } from '../core/cloud/ports.ts';
import type { Clock } from '../core/runtime/clock.ts';
import type { Input } from '../upload/inputs.ts';
import { type ContentRef, findContent } from '../upload/put-content.ts';
import type { OfferedUploads, UploadedJob } from './api.ts';
import { MAX_PARALLEL_LOOKUPS, type ServiceLimits } from './limits.ts';
import { HttpProblem } from './problem.ts';
import { tooLarge, tooManyBytes } from './receive-upload.ts';

export interface DirectUploadsOptions {
  input: Store;
  urls: Pick<UploadUrls, 'sign'>;
  clock: Clock;
  limits: ServiceLimits;
}

const MISSING = { code: 'missing', message: 'The image is not in the bucket.' } as const;
/** Missing images named in an error, at most. */
const MAX_NAMED = 3;

/**
 * Images that clients put into the input bucket with presigned requests. Clients are not trusted: a job takes only images
 * that are in the bucket with the announced size and, where the bucket knows it, the announced digest.
 */
export class DirectUploads {
  readonly #options: DirectUploadsOptions;

  constructor(options: DirectUploadsOptions) {
    this.#options = options;
  }

  /** Presigned requests for the images that the bucket does not have. @throws {HttpProblem} */
  async offer(contents: readonly ContentRef[]): Promise<OfferedUploads['uploads']> {
    const { urls, limits } = this.#options;
    if (contents.some(({ bytes }) => bytes > limits.imageBytes))
      throw new HttpProblem(413, `An image is larger than ${limits.imageBytes} bytes.`);
    return await mapInParallel(contents, async (content) => {
      const { sha256 } = content;
      const isStored = (await findContent(content, this.#options)) !== undefined;
      return isStored ? { sha256 } : { sha256, put: await urls.sign(content) };
    });
  }

  /** The images of a job. @throws {HttpProblem} if some are not in the bucket. */
  async requireStored(images: UploadedJob['images']): Promise<Input[]> {
    const { limits } = this.#options;
    if (images.length > limits.files)
      throw new HttpProblem(413, `A job can have at most ${limits.files} images, not ${images.length}.`);
    if (images.reduce((sum, { bytes }) => sum + bytes, 0) > limits.requestBytes)
      throw tooManyBytes(limits.requestBytes);
    const missing: string[] = [];
    const inputs = await mapInParallel(images, async ({ name, ...content }): Promise<Input> => {
      const image = { name, source: name };
      if (content.bytes > limits.imageBytes) return { ...image, kind: 'unreadable', error: tooLarge(limits) };
      const found = await findContent(content, this.#options);
      if (found !== undefined) return { ...image, ...found };
      missing.push(name);
      return { ...image, kind: 'unreadable', error: MISSING };
    });
    if (missing.length === 0) return inputs;
    const more = missing.length > MAX_NAMED ? ` and ${missing.length - MAX_NAMED} more` : '';
    throw new HttpProblem(409, `Not in the bucket: ${missing.slice(0, MAX_NAMED).join(', ')}${more}.`, {
      hint: 'Upload them first, with the URLs of POST /v1/uploads.',
    });
  }
}

/** Keeps the order. */
function mapInParallel<T, R>(items: readonly T[], act: (item: T) => Promise<R>): Promise<R[]> {
  return Readable.from(items).map(act, { concurrency: MAX_PARALLEL_LOOKUPS }).toArray();
}

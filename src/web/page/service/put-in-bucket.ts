import type { OfferedUploads, UploadedJob } from '../../api.ts';
import { type ChosenImage, totalBytes } from '../upload/select-images.ts';
import { callService, ServiceError } from './call-service.ts';
import { fileChangedError, sha256Of, throwIfUnreadable } from './read-file.ts';
import { isTransientStatus } from './retry.ts';
import { sendXhr } from './send-xhr.ts';
import { type OnStage, pauseBeforeRetry } from './upload-stage.ts';

type StoredImage = UploadedJob['images'][number];
type Offer = OfferedUploads['uploads'][number];
type HashedImage = StoredImage & { file: File };
/** `lost`: no response. `refused`: the URL expired or the bucket failed; a new URL may help. */
type PutResult = 'stored' | 'lost' | 'refused';

/** Images of one request for URLs. The next chunk is hashed while this one is sent. */
const CHUNK_IMAGES = 50;
/** Browsers open at most six connections to one host. */
const MAX_PARALLEL = 6;
/** After so many failures without any success, this browser cannot reach the bucket. */
const MAX_TRIES_UNREACHED = 2;
const MAX_TRIES_REFUSED = 6;
/** An upload without progress for this time is lost. */
const STALL_MS = 30_000;

const LOST = 'Connection lost.';

/**
 * Puts the images directly into the bucket. Images that are already there are not sent.
 * @returns the stored images; undefined if the browser cannot reach the bucket and has sent none.
 * @throws {ServiceError} if a retry cannot help
 */
export async function putInBucket(
  images: readonly ChosenImage[],
  onStage: OnStage,
  signal: AbortSignal,
): Promise<StoredImage[] | undefined> {
  const upload = new BucketUpload(totalBytes(images), onStage, signal);
  const stored: StoredImage[] = [];
  let next = hashAll(images.slice(0, CHUNK_IMAGES));
  for (let end = CHUNK_IMAGES; end < images.length + CHUNK_IMAGES; end += CHUNK_IMAGES) {
    const chunk = await next;
    next = hashAll(images.slice(end, end + CHUNK_IMAGES));
    // A rejection is handled when this promise is awaited.
    next.catch(() => {});
    if (!(await upload.send(chunk))) return undefined;
    stored.push(...chunk.map(({ name, sha256, bytes }) => ({ name, sha256, bytes })));
  }
  return stored;
}

/** One at a time: each image is completely in memory. */
async function hashAll(images: readonly ChosenImage[]): Promise<HashedImage[]> {
  const all: HashedImage[] = [];
  for (const image of images) all.push({ ...image, bytes: image.file.size, sha256: await sha256Of(image) });
  return all;
}

class BucketUpload {
  readonly #totalBytes: number;
  readonly #onStage: OnStage;
  readonly #signal: AbortSignal;
  #sentBytes = 0;
  #hasReachedBucket = false;

  constructor(totalBytes: number, onStage: OnStage, signal: AbortSignal) {
    this.#totalBytes = totalBytes;
    this.#onStage = onStage;
    this.#signal = signal;
  }

  /** @returns false if the bucket cannot be reached. */
  async send(images: readonly HashedImage[]): Promise<boolean> {
    let remaining = images;
    for (let failures = 1; ; failures++) {
      const before = remaining.length;
      const results = await this.#putAll(remaining, await this.#requestOffers(remaining));
      remaining = remaining.filter((_image, at) => results[at] !== 'stored');
      if (remaining.length === 0) return true;
      await throwIfUnreadable(remaining);
      if (remaining.length < before) failures = 1;
      const isLost = !results.includes('refused');
      if (isLost && !this.#hasReachedBucket && failures >= MAX_TRIES_UNREACHED) return false;
      if (!isLost && failures >= MAX_TRIES_REFUSED)
        throw new ServiceError(0, 'The bucket rejected the images.', 'Try again later.');
      const reason = isLost ? LOST : 'The bucket is not accepting images right now.';
      await pauseBeforeRetry({ reason, failures }, this.#onStage, this.#signal);
    }
  }

  /** Requests upload URLs, with retries. */
  async #requestOffers(images: readonly HashedImage[]): Promise<readonly Offer[]> {
    const body = JSON.stringify({ images: images.map(({ sha256, bytes }) => ({ sha256, bytes })) });
    const headers = { 'content-type': 'application/json' };
    const init = { method: 'POST', headers, body, signal: this.#signal };
    for (let failures = 1; ; failures++) {
      try {
        return (await callService<OfferedUploads>('/uploads', init)).uploads;
      } catch (error) {
        if (!(error instanceof ServiceError) || !(error.status === 0 || isTransientStatus(error.status)))
          throw error;
        await pauseBeforeRetry({ reason: error.message, failures }, this.#onStage, this.#signal);
      }
    }
  }

  /** The result of each image; undefined for images that were not begun because another failed. */
  async #putAll(
    images: readonly HashedImage[],
    offers: readonly Offer[],
  ): Promise<(PutResult | undefined)[]> {
    const results: (PutResult | undefined)[] = [];
    let next = 0;
    let hasFailed = false;
    const putNext = async () => {
      while (!hasFailed) {
        const at = next++;
        const image = images[at];
        if (image === undefined) return;
        results[at] = await this.#put(image, offers[at]);
        this.#signal.throwIfAborted();
        hasFailed ||= results[at] !== 'stored';
      }
    };
    await Promise.all(Array.from({ length: MAX_PARALLEL }, putNext));
    return results;
  }

  async #put({ name, file, bytes }: HashedImage, offer: Offer | undefined): Promise<PutResult> {
    if (offer?.put === undefined) {
      this.#count(bytes);
      return 'stored';
    }
    let countedBytes = 0;
    const count = (sentBytes: number) => {
      this.#count(sentBytes - countedBytes);
      countedBytes = sentBytes;
    };
    const { url, headers } = offer.put;
    // A slice has no type. A type would add a content-type header, which is not signed.
    const body = file.slice(0, bytes);
    const request = { method: 'PUT', url, headers, body, onProgress: count, stallMs: STALL_MS } as const;
    const response = await sendXhr(request, this.#signal);
    const result = putResultOf(response?.status, name);
    count(result === 'stored' ? bytes : 0);
    if (result === 'stored') this.#hasReachedBucket = true;
    return result;
  }

  #count(bytes: number): void {
    this.#sentBytes += bytes;
    this.#onStage({ name: 'sending', sentBytes: this.#sentBytes, totalBytes: this.#totalBytes });
  }
}

/** @throws {ServiceError} if a retry cannot help */
function putResultOf(status: number | undefined, name: string): PutResult {
  if (status === undefined) return 'lost';
  // 412: another upload has stored it meanwhile.
  if (status === 200 || status === 412) return 'stored';
  if (status === 403 || status === 409 || status === 500 || isTransientStatus(status)) return 'refused';
  // The bytes are not those that were hashed.
  if (status === 400) throw fileChangedError(name);
  throw new ServiceError(status, `The bucket responded with status ${status}.`);
}

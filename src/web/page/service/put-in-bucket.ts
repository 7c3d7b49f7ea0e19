import type { UploadedJob, UploadsOffered } from '../../api.ts';
import { type Chosen, totalBytes } from '../upload/select-images.ts';
import { ask, ServiceError } from './call-service.ts';
import { changedSince, sha256Of, throwIfUnreadable } from './read-file.ts';
import { isTransientStatus } from './retry.ts';
import { exchange } from './send-xhr.ts';
import { type OnStage, pause } from './upload-stage.ts';

type Stored = UploadedJob['images'][number];
type Offer = UploadsOffered['uploads'][number];
type Hashed = Stored & { file: File };
/** `lost`: no answer came. `refused`: its time is over, or the bucket has trouble; another offer may help. */
type End = 'there' | 'lost' | 'refused';

/** Asked for together; while they are sent, the next ones are read. */
const CHUNK = 50;
/** As many connections as browsers open to one host. */
const AT_ONCE = 6;
/** A bucket that no image got to in so many tries is out of this browser's reach. */
const TRIES_TO_REACH = 2;
const TRIES_REFUSED = 6;
/** An upload of which nothing moves for so long is lost. */
const STALL_MS = 30_000;

const LOST = 'The connection was lost.';

/**
 * Puts the images straight into the bucket; those that are there already are not sent.
 * @returns what they are there as; undefined where the browser cannot get there and has sent none.
 * @throws {ServiceError} when trying again cannot help
 */
export async function putInBucket(
  images: readonly Chosen[],
  onStage: OnStage,
  signal: AbortSignal,
): Promise<Stored[] | undefined> {
  const upload = new BucketUpload(totalBytes(images), onStage, signal);
  const stored: Stored[] = [];
  let next = hashed(images.slice(0, CHUNK));
  for (let end = CHUNK; end < images.length + CHUNK; end += CHUNK) {
    const chunk = await next;
    next = hashed(images.slice(end, end + CHUNK));
    // Met when its turn comes.
    next.catch(() => {});
    if (!(await upload.send(chunk))) return undefined;
    stored.push(...chunk.map(({ name, sha256, bytes }) => ({ name, sha256, bytes })));
  }
  return stored;
}

/** One after the other: each is in memory as a whole. */
async function hashed(images: readonly Chosen[]): Promise<Hashed[]> {
  const all: Hashed[] = [];
  for (const image of images) all.push({ ...image, bytes: image.file.size, sha256: await sha256Of(image) });
  return all;
}

class BucketUpload {
  readonly #totalBytes: number;
  readonly #onStage: OnStage;
  readonly #signal: AbortSignal;
  #sentBytes = 0;
  #hasArrived = false;

  constructor(totalBytes: number, onStage: OnStage, signal: AbortSignal) {
    this.#totalBytes = totalBytes;
    this.#onStage = onStage;
    this.#signal = signal;
  }

  /** @returns false where the bucket is out of reach. */
  async send(images: readonly Hashed[]): Promise<boolean> {
    let left = images;
    for (let failures = 1; ; failures++) {
      const before = left.length;
      const ends = await this.#round(left, await this.#offers(left));
      left = left.filter((_image, place) => ends[place] !== 'there');
      if (left.length === 0) return true;
      await throwIfUnreadable(left);
      if (left.length < before) failures = 1;
      const isLost = !ends.includes('refused');
      if (isLost && !this.#hasArrived && failures >= TRIES_TO_REACH) return false;
      if (!isLost && failures >= TRIES_REFUSED)
        throw new ServiceError(0, 'The bucket refuses the images.', 'Try again later.');
      const why = isLost ? LOST : 'The bucket does not take the images at the moment.';
      await pause({ why, failures }, this.#onStage, this.#signal);
    }
  }

  /** What the service offers, as soon as it answers. */
  async #offers(images: readonly Hashed[]): Promise<readonly Offer[]> {
    const body = JSON.stringify({ images: images.map(({ sha256, bytes }) => ({ sha256, bytes })) });
    const headers = { 'content-type': 'application/json' };
    const init = { method: 'POST', headers, body, signal: this.#signal };
    for (let failures = 1; ; failures++) {
      try {
        return (await ask<UploadsOffered>('/uploads', init)).uploads;
      } catch (error) {
        if (!(error instanceof ServiceError) || !(error.status === 0 || isTransientStatus(error.status)))
          throw error;
        await pause({ why: error.message, failures }, this.#onStage, this.#signal);
      }
    }
  }

  /** How each image ended; those that were not begun because others failed did not. */
  async #round(images: readonly Hashed[], offers: readonly Offer[]): Promise<(End | undefined)[]> {
    const ends: (End | undefined)[] = [];
    let next = 0;
    let hasFailed = false;
    const sendOn = async () => {
      while (!hasFailed) {
        const place = next++;
        const image = images[place];
        if (image === undefined) return;
        ends[place] = await this.#put(image, offers[place]);
        this.#signal.throwIfAborted();
        hasFailed ||= ends[place] !== 'there';
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, sendOn));
    return ends;
  }

  async #put({ name, file, bytes }: Hashed, offer: Offer | undefined): Promise<End> {
    if (offer?.put === undefined) {
      this.#count(bytes);
      return 'there';
    }
    let countedBytes = 0;
    const count = (sentBytes: number) => {
      this.#count(sentBytes - countedBytes);
      countedBytes = sentBytes;
    };
    const { url, headers } = offer.put;
    // A slice has no type, and a type would be a header that nobody has signed.
    const body = file.slice(0, bytes);
    const sending = { method: 'PUT', url, headers, body, onProgress: count, stallMs: STALL_MS } as const;
    const answer = await exchange(sending, this.#signal);
    const end = endOf(answer?.status, name);
    count(end === 'there' ? bytes : 0);
    if (end === 'there') this.#hasArrived = true;
    return end;
  }

  #count(bytes: number): void {
    this.#sentBytes += bytes;
    this.#onStage({ name: 'sending', sentBytes: this.#sentBytes, totalBytes: this.#totalBytes });
  }
}

/** @throws {ServiceError} when trying again cannot help */
function endOf(status: number | undefined, name: string): End {
  if (status === undefined) return 'lost';
  // 412: somebody else has put it there meanwhile.
  if (status === 200 || status === 412) return 'there';
  if (status === 403 || status === 409 || status === 500 || isTransientStatus(status)) return 'refused';
  // The bytes are not those that were hashed.
  if (status === 400) throw changedSince(name);
  throw new ServiceError(status, `The bucket answered with status ${status}.`);
}

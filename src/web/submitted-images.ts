/** The bytes of an image of a job, as they were submitted. */

import { createHash } from 'node:crypto';
import * as z from 'zod';
import type { Cloud, Store } from '../core/cloud/ports.ts';
import { findDropAt } from '../core/drop/drop.ts';
import { anyJobId, FIRST_ATTEMPT, type ImageSource, type ManifestEntry } from '../core/job/job.ts';
import { isDropJob } from '../core/job/job-ids.ts';
import { readJob } from '../core/job/job-record.ts';
import { manifestPartKey, type PartPlace } from '../core/job/keys.ts';
import { readManifest, readPart } from '../core/job/manifest.ts';
import { isError } from '../core/model/outcome.ts';
import { ObjectDamagedError, ObjectMissingError, PreconditionFailedError } from '../core/runtime/errors.ts';
import { type Place, placeOf } from '../photos/find/place.ts';
import { type FirstImage, readFirstImages } from '../results/first-images.ts';
import { requireJob } from '../results/job-facts.ts';
import { HttpProblem } from './problem.ts';

/** In parts of 16 to 1,024. Each has half a kilobyte in memory. */
const KEPT_IMAGES = 16 * 1024;

interface KeptPart {
  entries: Promise<ManifestEntry[]>;
  /** 0 until it is read. */
  images: number;
}

/** Parameters of a route. */
export const imagePlace = z.object({
  id: anyJobId,
  index: z.coerce
    .number()
    .int()
    .min(0)
    .max(2 ** 31),
});

/**
 * The submitted images of jobs. Keeps the parts of manifests that were read last: a screen of thumbnails asks for a hundred
 * images of one part, and a list of jobs every few seconds for the first ones of each.
 */
export class SubmittedImages {
  readonly #cloud: Cloud;
  /** By key, the one that was used last at the end. Parts never change. */
  readonly #parts = new Map<string, KeptPart>();
  #keptImages = 0;

  constructor(cloud: Cloud) {
    this.#cloud = cloud;
  }

  /** @throws {HttpProblem} 404 if there is no such image. */
  async require({ id, index }: z.infer<typeof imagePlace>): Promise<ImageSource> {
    await requireJob(this.#cloud, id);
    const image = isDropJob(id)
      ? await findDropAt(this.#cloud, { job: id, index })
      : await this.#findEntry(id, index);
    if (image === undefined || isError(image)) throw new HttpProblem(404, `Job ${id} has no image ${index}.`);
    return image;
  }

  /** @throws {HttpProblem} 404 if there is no such image. */
  async placeOf({ id, index }: z.infer<typeof imagePlace>): Promise<Place> {
    if (isDropJob(id)) {
      const { bucket, key } = await this.require({ id, index });
      return { kind: 'object', at: `s3://${bucket}/${key}` };
    }
    await requireJob(this.#cloud, id);
    const entry = await this.#findEntry(id, index);
    if (entry === undefined) throw new HttpProblem(404, `Job ${id} has no image ${index}.`);
    return placeOf(await readJob(this.#cloud.output, id), entry);
  }

  /** The images by which people recognise a job. */
  async firstOf(job: string): Promise<FirstImage[]> {
    return await readFirstImages(job, (place) => this.#readPart(job, place));
  }

  async #findEntry(job: string, index: number): Promise<ManifestEntry | undefined> {
    const range = { first: index, last: index };
    const load = (place: PartPlace) => this.#readPart(job, place);
    const attempt = { job, attempt: FIRST_ATTEMPT };
    for await (const [entry] of readManifest(this.#cloud.output, attempt, [range], undefined, load))
      return entry;
    return undefined;
  }

  #readPart(job: string, place: PartPlace): Promise<ManifestEntry[]> {
    const key = manifestPartKey(job, place);
    const kept = this.#parts.get(key);
    const part = kept ?? { entries: readPart(this.#cloud.output, job, place), images: 0 };
    this.#parts.delete(key);
    this.#parts.set(key, part);
    if (kept === undefined)
      part.entries.then(
        ({ length }) => this.#keep(part, length),
        () => this.#parts.delete(key),
      );
    return part.entries;
  }

  #keep(part: KeptPart, images: number): void {
    part.images = images;
    this.#keptImages += images;
    for (const [oldest, { images: dropped }] of this.#parts) {
      if (this.#keptImages <= KEPT_IMAGES) return;
      // Those that are still read have not been counted.
      if (dropped === 0) continue;
      this.#parts.delete(oldest);
      this.#keptImages -= dropped;
    }
  }
}

/** Names the content of an image, and what is made of it. Undefined if nothing is known of the content. */
export function contentTag({ sha256, etag }: ImageSource): string | undefined {
  return sha256 ?? etag?.replaceAll('"', '');
}

/** @throws {HttpProblem} 404 if the image is gone, or has changed. */
export async function openImage(cloud: Cloud, image: ImageSource) {
  const { bucket, key, offset, length } = image;
  const store = cloud.bucket(bucket);
  try {
    const { info, body } =
      offset !== undefined && length !== undefined
        ? await store.getStream(key, { range: { offset, length } })
        : await openSubmitted(store, image);
    return { body: body[Symbol.asyncIterator]() as AsyncIterator<Buffer>, bytes: info.bytes };
  } catch (error) {
    if (error instanceof PreconditionFailedError || error instanceof ObjectDamagedError)
      throw new HttpProblem(404, 'The image has changed since it was submitted.', { cause: error });
    if (error instanceof ObjectMissingError)
      throw new HttpProblem(
        404,
        'The image is no longer where it was: its stored copy has expired, or it was deleted or moved.',
        { cause: error },
      );
    throw error;
  }
}

/** @throws {PreconditionFailedError} if the image has changed. */
async function openSubmitted(store: Store, { key, etag, sha256 }: ImageSource) {
  try {
    return await store.getStream(key, etag === undefined ? {} : { ifMatch: etag });
  } catch (error) {
    if (!(error instanceof PreconditionFailedError) || sha256 === undefined) throw error;
    // The etag of a file changes also when only its times are set. Its sha256 decides, of this very version.
    const { info, body } = await store.getStream(key);
    if ((await digestOf(body)) !== sha256) throw error;
    return await store.getStream(key, { ifMatch: info.etag });
  }
}

async function digestOf(chunks: AsyncIterable<Buffer>): Promise<string> {
  const sha = createHash('sha256');
  for await (const chunk of chunks) sha.update(chunk);
  return sha.digest('hex');
}

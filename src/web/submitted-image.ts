/** The bytes of an image of a job, as they were submitted. */

import { createHash } from 'node:crypto';
import * as z from 'zod';
import type { Cloud, Store } from '../core/cloud/ports.ts';
import { findDropAt } from '../core/drop/drop.ts';
import { anyJobId, FIRST_ATTEMPT, type ImageSource, type ManifestEntry } from '../core/job/job.ts';
import { isDropJob } from '../core/job/job-ids.ts';
import { readJob } from '../core/job/job-record.ts';
import { readManifest } from '../core/job/manifest.ts';
import { isError } from '../core/model/outcome.ts';
import { ObjectDamagedError, ObjectMissingError, PreconditionFailedError } from '../core/runtime/errors.ts';
import { type Place, placeOf } from '../photos/find/place.ts';
import { requireJob } from '../results/job-facts.ts';
import { HttpProblem } from './problem.ts';

/** Parameters of a route. */
export const imagePlace = z.object({
  id: anyJobId,
  index: z.coerce
    .number()
    .int()
    .min(0)
    .max(2 ** 31),
});

/** @throws {HttpProblem} 404 if there is no such image. */
export async function requireImage(
  cloud: Cloud,
  { id, index }: z.infer<typeof imagePlace>,
): Promise<ImageSource> {
  await requireJob(cloud, id);
  const image = isDropJob(id)
    ? await findDropAt(cloud, { job: id, index })
    : await findSubmitted(cloud, id, index);
  if (image === undefined) throw new HttpProblem(404, `Job ${id} has no image ${index}.`);
  return image;
}

/** @throws {HttpProblem} 404 if there is no such image. */
export async function placeOfImage(cloud: Cloud, { id, index }: z.infer<typeof imagePlace>): Promise<Place> {
  if (isDropJob(id)) {
    const { bucket, key } = await requireImage(cloud, { id, index });
    return { kind: 'object', at: `s3://${bucket}/${key}` };
  }
  await requireJob(cloud, id);
  const entry = await findEntry(cloud, id, index);
  if (entry === undefined) throw new HttpProblem(404, `Job ${id} has no image ${index}.`);
  return placeOf(await readJob(cloud.output, id), entry);
}

/** Names the content of an image, and what is made of it. Undefined if nothing is known of the content. */
export function contentTag({ sha256, etag }: ImageSource): string | undefined {
  return sha256 ?? etag?.replaceAll('"', '');
}

async function findSubmitted(cloud: Cloud, job: string, index: number): Promise<ImageSource | undefined> {
  const entry = await findEntry(cloud, job, index);
  return entry === undefined || isError(entry) ? undefined : entry;
}

async function findEntry(cloud: Cloud, job: string, index: number): Promise<ManifestEntry | undefined> {
  const place = { job, attempt: FIRST_ATTEMPT };
  const manifest = readManifest(cloud.output, place, [{ first: index, last: index }], undefined);
  for await (const [entry] of manifest) return entry;
  return undefined;
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

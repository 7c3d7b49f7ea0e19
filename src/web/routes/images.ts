import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import * as z from 'zod';
import type { Cloud, Store } from '../../core/cloud/ports.ts';
import { findDropAt } from '../../core/drop/drop.ts';
import { anyJobId, FIRST_ATTEMPT, type ImageSource } from '../../core/job/job.ts';
import { isDropJob } from '../../core/job/job-ids.ts';
import { readManifest } from '../../core/job/manifest.ts';
import { type ImageFormat, imageFormatOf } from '../../core/model/image-format.ts';
import { isError } from '../../core/model/outcome.ts';
import {
  ObjectDamagedError,
  ObjectMissingError,
  PreconditionFailedError,
} from '../../core/runtime/errors.ts';
import { requireJob } from '../../results/job-facts.ts';
import { isKnownVersion } from '../negotiation.ts';
import { COMMON_STATUSES, HttpProblem, problemResponses } from '../problem.ts';

/** Formats that browsers can show. */
const MEDIA_TYPES: Partial<Record<ImageFormat, string>> = {
  jpeg: 'image/jpeg',
  png: 'image/png',
  webp: 'image/webp',
  gif: 'image/gif',
  avif: 'image/avif',
  bmp: 'image/bmp',
};

/** `GET /v1/jobs/{id}/images/{index}`: an image as it was submitted. */
export function imageRoutes(plain: FastifyInstance, { cloud }: { cloud: Cloud }): void {
  plain.withTypeProvider<ZodTypeProvider>().route({
    method: 'GET',
    url: '/v1/jobs/:id/images/:index',
    schema: {
      operationId: 'getImage',
      tags: ['jobs'],
      summary: 'Get an image of a job as it was submitted',
      params: z.object({
        id: anyJobId,
        index: z.coerce
          .number()
          .int()
          .min(0)
          .max(2 ** 31),
      }),
      response: {
        200: { description: 'The image.', content: { 'image/*': { schema: z.string() } } },
        ...problemResponses(...COMMON_STATUSES, 404, 415),
      },
    } as never,
    async handler(request, reply) {
      const { id, index } = request.params as { id: string; index: number };
      await requireJob(cloud, id);
      const image = isDropJob(id)
        ? await findDropAt(cloud, { job: id, index })
        : await findSubmitted(cloud, id, index);
      if (image === undefined) throw new HttpProblem(404, `Job ${id} has no image ${index}.`);
      const etag = `"${image.sha256 ?? image.etag?.replaceAll('"', '') ?? ''}"`;
      reply.headers({ etag, 'cache-control': 'private, max-age=86400, immutable' });
      if (isKnownVersion(request, etag)) return reply.code(304).send();
      const { body, bytes } = await open(cloud, image);
      const first = (await body.next()).value ?? Buffer.alloc(0);
      const format = imageFormatOf(first);
      const type = typeof format === 'string' ? MEDIA_TYPES[format] : undefined;
      if (type === undefined) {
        await body.return?.();
        throw new HttpProblem(415, 'Browsers cannot show this image.');
      }
      return reply
        .type(type)
        .headers({ 'content-length': bytes, 'content-security-policy': "default-src 'none'; sandbox" })
        .send(Readable.from(concat(first, body), { objectMode: false }));
    },
  });
}

async function findSubmitted(cloud: Cloud, job: string, index: number): Promise<ImageSource | undefined> {
  const manifest = readManifest(
    cloud.output,
    { job, attempt: FIRST_ATTEMPT },
    [{ first: index, last: index }],
    undefined,
  );
  for await (const [entry] of manifest) return entry === undefined || isError(entry) ? undefined : entry;
  return undefined;
}

async function open(cloud: Cloud, image: ImageSource) {
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

async function* concat(first: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  yield first;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}

import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import * as z from 'zod';
import type { Client } from '../../client/client.ts';
import { PreconditionFailedError } from '../../core/errors.ts';
import { FIRST_ATTEMPT, jobId, type ManifestEntry } from '../../core/job.ts';
import { readManifest } from '../../core/manifest.ts';
import { isError } from '../../core/outcome.ts';
import type { Cloud } from '../../core/ports.ts';
import { formatOf, type ImageFormat } from '../../core/sniff.ts';
import { COMMON, HttpProblem, problems } from '../problem.ts';

/** What browsers show. */
const TYPES: Partial<Record<ImageFormat, string>> = {
  jpeg: 'image/jpeg',
  png: 'image/png',
  webp: 'image/webp',
  gif: 'image/gif',
  avif: 'image/avif',
  bmp: 'image/bmp',
};

/** `GET /v1/jobs/{id}/images/{index}`: an image as it was submitted, for whoever looks at the results. */
export function imageRoutes(
  plain: FastifyInstance,
  { client, cloud }: { client: Client; cloud: Cloud },
): void {
  plain.withTypeProvider<ZodTypeProvider>().route({
    method: 'GET',
    url: '/v1/jobs/:id/images/:index',
    schema: {
      operationId: 'getImage',
      tags: ['jobs'],
      summary: 'An image of a job, as it was submitted',
      params: z.object({
        id: jobId,
        index: z.coerce
          .number()
          .int()
          .min(0)
          .max(2 ** 31),
      }),
      response: {
        200: { description: 'The image.', content: { 'image/*': { schema: z.string() } } },
        ...problems(...COMMON, 404, 415),
      },
    } as never,
    async handler(request, reply) {
      const { id, index } = request.params as { id: string; index: number };
      await client.job(id);
      const entry = await entryOf(cloud, id, index);
      if (entry === undefined || isError(entry)) throw new HttpProblem(404, `Job ${id} has no such image.`);
      const etag = `"${entry.sha256 ?? entry.etag?.replaceAll('"', '') ?? ''}"`;
      reply.headers({ etag, 'cache-control': 'private, max-age=86400, immutable' });
      if (request.headers['if-none-match'] === etag) return reply.code(304).send();
      const { body, bytes } = await open(cloud, entry);
      const first = (await body.next()).value ?? Buffer.alloc(0);
      const format = formatOf(first);
      const type = typeof format === 'string' ? TYPES[format] : undefined;
      if (type === undefined) {
        await body.return?.();
        throw new HttpProblem(415, 'Browsers cannot show this image.');
      }
      return reply
        .type(type)
        .headers({ 'content-length': bytes, 'content-security-policy': "default-src 'none'; sandbox" })
        .send(Readable.from(chained(first, body), { objectMode: false }));
    },
  });
}

async function entryOf(cloud: Cloud, job: string, index: number): Promise<ManifestEntry | undefined> {
  const manifest = readManifest(
    cloud.output,
    { job, attempt: FIRST_ATTEMPT },
    [{ first: index, last: index }],
    undefined,
  );
  for await (const [entry] of manifest) return entry;
  return undefined;
}

async function open(cloud: Cloud, image: Exclude<ManifestEntry, { error: unknown }>) {
  const { bucket, key, etag, offset, length } = image;
  try {
    if (offset !== undefined && length !== undefined) {
      const { body } = await cloud.bucket(bucket).get(key);
      const bytes = Buffer.from(body.buffer, body.byteOffset + offset, length);
      return { body: only(bytes), bytes: length };
    }
    const { info, body } = await cloud
      .bucket(bucket)
      .getStream(key, etag === undefined ? {} : { ifMatch: etag });
    return { body: body[Symbol.asyncIterator]() as AsyncIterator<Buffer>, bytes: info.bytes };
  } catch (error) {
    if (!(error instanceof PreconditionFailedError)) throw error;
    throw new HttpProblem(404, 'The image has changed since it was submitted.', { cause: error });
  }
}

async function* only(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}

async function* chained(first: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  yield first;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}

import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import * as z from 'zod';
import type { Cloud } from '../../core/cloud/ports.ts';
import { type ImageFormat, imageFormatOf } from '../../core/model/image-format.ts';
import { isKnownVersion } from '../negotiation.ts';
import { COMMON_STATUSES, HttpProblem, problemResponses } from '../problem.ts';
import { contentTag, imagePlace, openImage, type SubmittedImages } from '../submitted-images.ts';

/** Formats that browsers can show. */
const MEDIA_TYPES: Partial<Record<ImageFormat, string>> = {
  jpeg: 'image/jpeg',
  png: 'image/png',
  webp: 'image/webp',
  gif: 'image/gif',
  avif: 'image/avif',
  bmp: 'image/bmp',
};

/** Headers of images, which never change: others cannot have the same address, and no script runs in them. */
export const imageHeaders = (etag: string) => ({
  etag,
  'cache-control': 'private, max-age=86400, immutable',
  'content-security-policy': "default-src 'none'; sandbox",
});

/** `GET /v1/jobs/{id}/images/{index}`: an image as it was submitted. */
export function imageRoutes(
  plain: FastifyInstance,
  { cloud, images }: { cloud: Cloud; images: SubmittedImages },
): void {
  plain.withTypeProvider<ZodTypeProvider>().route({
    method: 'GET',
    url: '/v1/jobs/:id/images/:index',
    schema: {
      operationId: 'getImage',
      tags: ['jobs'],
      summary: 'Get an image of a job as it was submitted',
      params: imagePlace,
      response: {
        200: { description: 'The image.', content: { 'image/*': { schema: z.string() } } },
        ...problemResponses(...COMMON_STATUSES, 404, 415),
      },
    } as never,
    async handler(request, reply) {
      const image = await images.require(request.params as z.infer<typeof imagePlace>);
      const etag = `"${contentTag(image) ?? ''}"`;
      const headers = imageHeaders(etag);
      if (isKnownVersion(request, etag)) return reply.headers(headers).code(304).send();
      const { body, bytes } = await openImage(cloud, image);
      const first = (await body.next()).value ?? Buffer.alloc(0);
      const format = imageFormatOf(first);
      const type = typeof format === 'string' ? MEDIA_TYPES[format] : undefined;
      if (type === undefined) {
        await body.return?.();
        throw new HttpProblem(415, 'Browsers cannot show this image.', {
          hint: 'Its /preview is a JPEG.',
        });
      }
      return reply
        .type(type)
        .headers({ ...headers, 'content-length': bytes })
        .send(Readable.from(concat(first, body), { objectMode: false }));
    },
  });
}

async function* concat(first: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  yield first;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}

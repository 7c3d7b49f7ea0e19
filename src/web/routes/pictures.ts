import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import * as z from 'zod';
import type { Cloud } from '../../core/cloud/ports.ts';
import { PICTURE_PIXELS, type PictureSize } from '../../core/model/picture.ts';
import { callerGone, callerOf } from '../caller.ts';
import { isKnownVersion } from '../negotiation.ts';
import type { Pictures } from '../pictures.ts';
import { COMMON_STATUSES, HttpProblem, problemResponses } from '../problem.ts';
import { contentTag, imagePlace, openImage, type SubmittedImages } from '../submitted-images.ts';
import { imageHeaders } from './images.ts';

export interface PictureRoutesOptions {
  cloud: Cloud;
  images: SubmittedImages;
  pictures: Pictures;
  /** Of the images that are read. */
  maxBytes: number;
}

const OPERATIONS = {
  thumbnail: { operationId: 'getThumbnail', summary: 'Get a thumbnail of an image of a job' },
  preview: { operationId: 'getPreview', summary: 'Get an image of a job as a JPEG that browsers show' },
};

/** `GET /v1/jobs/{id}/images/{index}/thumbnail` and `/preview`: small JPEGs of all formats that imgcls decodes. */
export function pictureRoutes(plain: FastifyInstance, options: PictureRoutesOptions): void {
  const sizes = Object.keys(PICTURE_PIXELS) as PictureSize[];
  for (const size of sizes) pictureRoute(plain, size, options);
}

function pictureRoute(
  plain: FastifyInstance,
  size: PictureSize,
  { cloud, images, pictures, maxBytes }: PictureRoutesOptions,
): void {
  plain.withTypeProvider<ZodTypeProvider>().route({
    method: 'GET',
    url: `/v1/jobs/:id/images/:index/${size}`,
    schema: {
      ...OPERATIONS[size],
      tags: ['jobs'],
      description: `Upright, without metadata; the longest side has at most ${PICTURE_PIXELS[size]} pixels. Also of HEIC (if its decoder is installed), TIFF and camera raw.`,
      params: imagePlace,
      response: {
        200: { description: 'The picture.', content: { 'image/jpeg': { schema: z.string() } } },
        ...problemResponses(...COMMON_STATUSES, 404, 413, 415),
      },
    } as never,
    async handler(request, reply) {
      const place = request.params as z.infer<typeof imagePlace>;
      const image = await images.require(place);
      const content = contentTag(image) ?? `${place.id} ${place.index}`;
      const headers = imageHeaders(`"${content.replaceAll(' ', '-')}-${size}"`);
      if (isKnownVersion(request, headers.etag)) return reply.headers(headers).code(304).send();
      const gone = new AbortController();
      reply.raw.once('close', () => gone.abort(callerGone()));
      const read = async () => await readWhole(await openImage(cloud, image), maxBytes);
      const jpeg = await pictures.get({ caller: callerOf(request), content, size, read }, gone.signal);
      return reply.type('image/jpeg').headers(headers).send(jpeg);
    },
  });
}

async function readWhole(
  { body, bytes }: Awaited<ReturnType<typeof openImage>>,
  maxBytes: number,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  if (bytes > maxBytes) {
    await body.return?.();
    throw new HttpProblem(413, `The image has ${bytes} bytes; the limit is ${maxBytes} bytes.`);
  }
  for (let next = await body.next(); next.done !== true; next = await body.next()) chunks.push(next.value);
  return Buffer.concat(chunks);
}

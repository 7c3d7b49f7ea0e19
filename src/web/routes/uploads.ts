import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { uploadsAsked, uploadsOffered } from '../api.ts';
import type { DirectUploads } from '../direct-uploads.ts';
import { COMMON, problems } from '../problem.ts';

/** `POST /v1/uploads`, where images can be put straight into the input bucket. */
export function uploadRoutes(plain: FastifyInstance, { uploads }: { uploads: DirectUploads }): void {
  plain.withTypeProvider<ZodTypeProvider>().route({
    method: 'POST',
    url: '/v1/uploads',
    schema: {
      operationId: 'offerUploads',
      tags: ['jobs'],
      summary: 'How to put images straight into the input bucket',
      description:
        'Answers a signed request for each image that is not there yet. It takes the bytes of that digest and length and no others. `POST /v1/jobs` with the images, by name, digest and length, makes a job of them.',
      body: uploadsAsked,
      response: { 200: uploadsOffered, ...problems(...COMMON, 413, 415) },
    },
    handler: async ({ body }) => ({ uploads: await uploads.offer(body.images) }),
  });
}

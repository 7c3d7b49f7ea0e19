import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { offeredUploads, uploadsRequest } from '../api.ts';
import type { DirectUploads } from '../direct-uploads.ts';
import { COMMON_STATUSES, problemResponses } from '../problem.ts';

/** `POST /v1/uploads`: presigned requests, where images can be put directly into the input bucket. */
export function uploadRoutes(plain: FastifyInstance, { uploads }: { uploads: DirectUploads }): void {
  plain.withTypeProvider<ZodTypeProvider>().route({
    method: 'POST',
    url: '/v1/uploads',
    schema: {
      operationId: 'offerUploads',
      tags: ['jobs'],
      summary: 'Get presigned requests to put images into the input bucket',
      description:
        'Returns a presigned request for each image that the bucket does not have yet. Each accepts only bytes with the announced digest and length. Then submit the images, by name, digest and length, with `POST /v1/jobs`.',
      body: uploadsRequest,
      response: { 200: offeredUploads, ...problemResponses(...COMMON_STATUSES, 413, 415) },
    },
    handler: async ({ body }) => ({ uploads: await uploads.offer(body.images) }),
  });
}

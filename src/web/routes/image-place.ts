import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { imagePlaceView } from '../api.ts';
import { COMMON_STATUSES, problemResponses } from '../problem.ts';
import { imagePlace, type SubmittedImages } from '../submitted-images.ts';

/** `GET /v1/jobs/{id}/images/{index}/place`: where an image lies. */
export function imagePlaceRoutes(plain: FastifyInstance, { images }: { images: SubmittedImages }): void {
  plain.withTypeProvider<ZodTypeProvider>().route({
    method: 'GET',
    url: '/v1/jobs/:id/images/:index/place',
    schema: {
      operationId: 'getImagePlace',
      tags: ['jobs'],
      summary: 'Get where an image of a job lies',
      params: imagePlace,
      response: { 200: imagePlaceView, ...problemResponses(...COMMON_STATUSES, 404) },
    },
    handler: async ({ params }) => await images.placeOf(params),
  });
}

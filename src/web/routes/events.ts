import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import * as z from 'zod';
import { anyJobId } from '../../core/job/job.ts';
import { callerOf } from '../caller.ts';
import { EventStream } from '../event-stream.ts';
import type { JobHub } from '../job-hub.ts';
import { COMMON_STATUSES, problemResponses } from '../problem.ts';
import { Shares } from '../shares.ts';

/** `GET /v1/jobs/{id}/events`. */
export function eventRoutes(
  plain: FastifyInstance,
  { hub, maxStreams }: { hub: JobHub; maxStreams: number },
): void {
  const app = plain.withTypeProvider<ZodTypeProvider>();
  const places = new Shares({ total: maxStreams, what: 'open event streams', retryAfterSeconds: 10 });
  const open = new Set<EventStream>();
  // An open stream would keep the server from closing.
  app.addHook('preClose', async () => {
    for (const stream of open) stream.destroy();
  });
  app.route({
    method: 'GET',
    url: '/v1/jobs/:id/events',
    schema: {
      operationId: 'followJob',
      tags: ['jobs'],
      summary: 'Follow a job by server-sent events',
      description:
        '`snapshot` after each connect: the job, and the images that have an outcome. Then `progress`: the job, and the images with a new outcome. `gone`: the job was deleted.',
      params: z.object({ id: anyJobId }),
      response: {
        200: {
          description: 'Events whose data is a `JobEvent`.',
          content: { 'text/event-stream': { schema: z.string() } },
        },
        ...problemResponses(...COMMON_STATUSES, 404),
      },
    },
    async handler(request, reply) {
      const caller = callerOf(request);
      places.take(caller, 1);
      const stream = new EventStream();
      open.add(stream);
      stream.once('close', () => {
        open.delete(stream);
        places.giveBack(caller, 1);
      });
      try {
        const unsubscribe = await hub.subscribe(request.params.id, stream);
        stream.once('close', unsubscribe);
        if (stream.destroyed || request.raw.destroyed) unsubscribe();
      } catch (error) {
        stream.destroy();
        throw error;
      }
      return reply
        .type('text/event-stream')
        .header('cache-control', 'no-store')
        .header('x-accel-buffering', 'no')
        .send(stream as never);
    },
  });
}

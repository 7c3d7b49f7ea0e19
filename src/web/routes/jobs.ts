import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import * as z from 'zod';
import type { Job } from '../../client/submission.ts';
import type { Store } from '../../core/cloud/ports.ts';
import { anyJobId, jobState } from '../../core/job/job.ts';
import { isDropJob, newerFirst } from '../../core/job/job-ids.ts';
import { isFinal } from '../../core/job/job-record.ts';
import { listJobIds, readJobs } from '../../results/job-list.ts';
import { removeJob } from '../../results/remove-job.ts';
import { type JobPage, jobPage, jobView } from '../api.ts';
import { COMMON, HttpProblem, problems } from '../problem.ts';
import { type SubmitRouteOptions, submitRoute } from './submit.ts';

export interface JobRoutesOptions extends SubmitRouteOptions {
  output: Store;
  nowMs(): number;
}

const byId = z.object({ id: anyJobId });

/** `/v1/jobs`: submit, list, look at, cancel, retry and delete. */
export function jobRoutes(plain: FastifyInstance, options: JobRoutesOptions): void {
  const { client, output, hub } = options;
  const app = plain.withTypeProvider<ZodTypeProvider>();

  submitRoute(plain, options);

  app.route({
    method: 'GET',
    url: '/v1/jobs',
    schema: {
      operationId: 'listJobs',
      tags: ['jobs'],
      summary: 'List jobs, newest first',
      querystring: z.strictObject({
        limit: z.coerce.number().int().min(1).max(100).default(20),
        after: anyJobId.optional(),
        state: jobState.optional(),
      }),
      response: { 200: jobPage, ...problems(...COMMON) },
    },
    handler: async ({ query }) => await pageOf(output, { ...query, nowMs: options.nowMs() }),
  });

  app.route({
    method: 'GET',
    url: '/v1/jobs/:id',
    schema: {
      operationId: 'getJob',
      tags: ['jobs'],
      summary: 'How far a job is',
      params: byId,
      response: { 200: jobView, ...problems(...COMMON, 404) },
    },
    handler: async ({ params }) => await hub.view(params.id),
  });

  app.route({
    method: 'POST',
    url: '/v1/jobs/:id/cancel',
    schema: {
      operationId: 'cancelJob',
      tags: ['jobs'],
      summary: 'Give a job up; what has an outcome keeps it',
      params: byId,
      response: { 200: jobView, ...problems(...COMMON, 404, 409, 413, 415) },
    },
    async handler({ params: { id } }) {
      const job = await client.job(id);
      const { state } = await job.cancel();
      if (state === 'finished')
        throw new HttpProblem(409, `Job ${id} is finished: there is nothing left to cancel.`);
      return await hub.changed(id);
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/jobs/:id/retry',
    schema: {
      operationId: 'retryJob',
      tags: ['jobs'],
      summary: 'Classify the failed images of a finished job once more',
      params: byId,
      response: { 200: jobView, ...problems(...COMMON, 404, 409, 413, 415) },
    },
    async handler({ params: { id } }) {
      const job = await client.retry(id, { wait: false });
      if (job === undefined) throw new HttpProblem(409, `No image of job ${id} has an error.`);
      await job.submitted;
      hub.keep(id);
      return await hub.changed(id);
    },
  });

  app.route({
    method: 'DELETE',
    url: '/v1/jobs/:id',
    schema: {
      operationId: 'deleteJob',
      tags: ['jobs'],
      summary: 'Delete a job and its results; one that goes on is cancelled first',
      params: byId,
      response: { 204: z.void().describe('It is deleted.'), ...problems(...COMMON, 404, 413, 415) },
    },
    async handler({ params: { id } }, reply) {
      if (isDropJob(id)) await hub.view(id);
      else await giveUp(await client.job(id));
      await removeJob(output, id);
      hub.forget(id);
      return reply.code(204).send();
    },
  });
}

async function giveUp(job: Job): Promise<void> {
  if (!isFinal(await job.record())) await job.cancel();
}

async function pageOf(
  output: Store,
  {
    limit,
    after,
    state,
    nowMs,
  }: { limit: number; after?: string | undefined; state?: string | undefined; nowMs: number },
): Promise<JobPage> {
  const all = await listJobIds(output);
  const ids = after === undefined ? all : all.filter((id) => newerFirst(after, id) < 0);
  const jobs: JobPage['jobs'] = [];
  let next: string | undefined;
  for await (const job of readJobs(output, ids, { nowMs })) {
    if (state !== undefined && ('unknown' in job || job.state !== state)) continue;
    if (jobs.length === limit) {
      next = jobs.at(-1)?.id;
      break;
    }
    jobs.push(job);
  }
  return { jobs, ...(next !== undefined && { next }) };
}

import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import * as z from 'zod';
import type { Client } from '../../client/client.ts';
import { anyJobId, jobState } from '../../core/job/job.ts';
import { isDropJob, newerFirst } from '../../core/job/job-ids.ts';
import { isFinal } from '../../core/job/job-record.ts';
import { DiskFullError, isUnreadable } from '../../core/runtime/errors.ts';
import { deleteJob } from '../../results/delete-job.ts';
import { listJobIds, type ReadJobsOptions, readJobs, type UnknownJob } from '../../results/job-list.ts';
import type { ListedJob } from '../../results/listed-job.ts';
import { type JobPage, jobPage, jobView } from '../api.ts';
import { callerOf } from '../caller.ts';
import { mayFetch } from '../fetching-jobs.ts';
import { COMMON_STATUSES, HttpProblem, problemResponses } from '../problem.ts';
import type { SubmittedImages } from '../submitted-images.ts';
import { type SubmitRouteOptions, submitRoutes } from './submit.ts';

export interface JobRoutesOptions extends SubmitRouteOptions {
  images: Pick<SubmittedImages, 'firstOf'>;
  nowMs(): number;
}

/** Jobs that one page looks at. Each takes a few requests to the store. */
const MAX_LOOKED_AT = 100;

const byId = z.object({ id: anyJobId });

/** `/v1/jobs`: submit, list, get, cancel, retry and delete. */
export function jobRoutes(plain: FastifyInstance, options: JobRoutesOptions): void {
  const { client, hub } = options;
  const app = plain.withTypeProvider<ZodTypeProvider>();

  submitRoutes(plain, options);

  app.route({
    method: 'GET',
    url: '/v1/jobs',
    schema: {
      operationId: 'listJobs',
      tags: ['jobs'],
      summary: 'List jobs, newest first',
      description: `A page looks at ${MAX_LOOKED_AT} jobs at most. With \`state\`, or after jobs were deleted, it may have fewer jobs than \`limit\`, or none, although there are more: if it has \`next\`, go on with \`?after=\`.`,
      querystring: z.strictObject({
        limit: z.coerce.number().int().min(1).max(MAX_LOOKED_AT).default(20),
        after: anyJobId.optional(),
        state: jobState.optional(),
      }),
      response: { 200: jobPage, ...problemResponses(...COMMON_STATUSES) },
    },
    handler: async ({ query }) => await pageOf(options, { ...query, nowMs: options.nowMs() }),
  });

  app.route({
    method: 'GET',
    url: '/v1/jobs/:id',
    schema: {
      operationId: 'getJob',
      tags: ['jobs'],
      summary: 'Get a job and its progress',
      params: byId,
      response: { 200: jobView, ...problemResponses(...COMMON_STATUSES, 404) },
    },
    handler: async ({ params }) => await hub.view(params.id),
  });

  app.route({
    method: 'POST',
    url: '/v1/jobs/:id/cancel',
    schema: {
      operationId: 'cancelJob',
      tags: ['jobs'],
      summary: 'Cancel a job; outcomes so far are kept',
      params: byId,
      response: { 200: jobView, ...problemResponses(...COMMON_STATUSES, 404, 409, 413, 415) },
    },
    async handler({ params: { id } }) {
      const job = await client.job(id);
      const { state } = await job.cancel();
      if (state === 'finished') throw new HttpProblem(409, `Job ${id} is already finished.`);
      return await hub.refresh(id);
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/jobs/:id/retry',
    schema: {
      operationId: 'retryJob',
      tags: ['jobs'],
      summary: 'Retry the failed images of a finished job',
      params: byId,
      response: { 200: jobView, ...problemResponses(...COMMON_STATUSES, 404, 409, 413, 415) },
    },
    async handler(request) {
      const { id } = request.params;
      const { allowUrls, fetchingJobs } = options;
      const { inputs } = await (await client.job(id)).record();
      const job = await fetchingJobs.start(callerOf(request), inputs, () =>
        client.retry(id, { wait: false, allowUrls }),
      );
      if (job === undefined) throw new HttpProblem(409, `Job ${id} has no failed images.`);
      // Fetching images may take long.
      if (!mayFetch(inputs)) await job.submitted;
      else job.submitted.catch(() => {});
      hub.followToEnd(id);
      return await hub.refresh(id);
    },
  });

  app.route({
    method: 'DELETE',
    url: '/v1/jobs/:id',
    schema: {
      operationId: 'deleteJob',
      tags: ['jobs'],
      summary: 'Delete a job and its results; an unfinished job is cancelled first',
      params: byId,
      response: {
        204: z.void().describe('The job was deleted.'),
        ...problemResponses(...COMMON_STATUSES, 404, 413, 415),
      },
    },
    async handler({ params: { id } }, reply) {
      if (isDropJob(id)) await hub.view(id);
      else await cancelIfUnfinished(client, id);
      await deleteJob(options.cloud, id);
      hub.remove(id);
      return reply.code(204).send();
    },
  });
}

/** A job whose record cannot be read, or not be written as the disk is full, is only deleted. */
async function cancelIfUnfinished(client: Client, id: string): Promise<void> {
  try {
    const job = await client.job(id);
    if (!isFinal(await job.record())) await job.cancel();
  } catch (error) {
    if (!isUnreadable(error) && !(error instanceof DiskFullError)) throw error;
  }
}

interface PageQuery extends Omit<ReadJobsOptions, 'signal'> {
  limit: number;
  after?: string | undefined;
}

async function withFirstImages(
  job: ListedJob | UnknownJob,
  images: JobRoutesOptions['images'],
): Promise<JobPage['jobs'][number]> {
  if ('unknown' in job) return job;
  return { ...job, firstImages: await images.firstOf(job.id) };
}

/** Looks at a bounded number of jobs, whatever their states. */
async function pageOf(
  { cloud, images }: Pick<JobRoutesOptions, 'cloud' | 'images'>,
  { limit, after, ...reading }: PageQuery,
): Promise<JobPage> {
  const all = await listJobIds(cloud.output);
  const ids = after === undefined ? all : all.filter((id) => newerFirst(after, id) < 0);
  const listed: (ListedJob | UnknownJob)[] = [];
  for await (const job of readJobs(cloud, ids.slice(0, MAX_LOOKED_AT), reading)) {
    listed.push(job);
    if (listed.length === limit) break;
  }
  const jobs = await Promise.all(listed.map((job) => withFirstImages(job, images)));
  const last = jobs.length === limit ? jobs.at(-1)?.id : ids[MAX_LOOKED_AT - 1];
  return { jobs, ...(last !== undefined && last !== ids.at(-1) && { next: last }) };
}

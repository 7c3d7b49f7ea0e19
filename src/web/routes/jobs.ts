import type { FastifyInstance, FastifyReply } from 'fastify';
import { validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import * as z from 'zod';
import type { Client } from '../../client/client.ts';
import { ImgclsError } from '../../core/errors.ts';
import { jobId, jobState, topK } from '../../core/job.ts';
import { isFinal } from '../../core/job-record.ts';
import type { ModelRef } from '../../core/model.ts';
import type { Store } from '../../core/ports.ts';
import { listJobIds, readJobs } from '../../results/job-list.ts';
import { removeJob } from '../../results/remove-job.ts';
import type { Input } from '../../upload/inputs.ts';
import { parseS3Address } from '../../upload/select.ts';
import { type JobPage, jobPage, jobView, type NewJob, newJob } from '../api.ts';
import type { IdempotencyKeys } from '../idempotency.ts';
import type { JobHub } from '../job-hub.ts';
import type { Limits } from '../limits.ts';
import type { ModelSelector } from '../model-selector.ts';
import { COMMON, HttpProblem, problems } from '../problem.ts';
import { receiveUpload, startCounting, tooManyBytes } from '../receive-upload.ts';

export interface JobRoutesOptions {
  client: Client;
  output: Store;
  hub: JobHub;
  keys: IdempotencyKeys;
  limits: Limits;
  /** Buckets that `s3://` inputs may name. */
  allowBuckets: readonly string[];
  topK: number;
  selectModel: ModelSelector;
  newId(): string;
  nowMs(): number;
}

const byId = z.object({ id: jobId });

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
        after: jobId.optional(),
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
      response: { 200: jobView, ...problems(...COMMON, 404, 409) },
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
      response: { 200: jobView, ...problems(...COMMON, 404, 409) },
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
      response: { 204: z.void().describe('It is deleted.'), ...problems(...COMMON, 404) },
    },
    async handler({ params: { id } }, reply) {
      const job = await client.job(id);
      if (!isFinal(await job.record())) await job.cancel();
      await removeJob(output, id);
      hub.forget(id);
      return reply.code(204).send();
    },
  });
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
  const ids = (await listJobIds(output)).filter((id) => after === undefined || id < after);
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

/** A form says everything in words. */
const uploadFields = z.strictObject({
  topK: z.coerce.number().pipe(topK).optional(),
  model: z.string().min(1).max(70).optional(),
});

function submitRoute(app: FastifyInstance, options: JobRoutesOptions): void {
  app.withTypeProvider<ZodTypeProvider>().route({
    method: 'POST',
    url: '/v1/jobs',
    schema: {
      operationId: 'submitJob',
      tags: ['jobs'],
      summary: 'Classify images: upload them, or name where they lie in S3',
      description:
        'A multipart form with any number of files (`files`), or JSON that names `s3://` inputs. A job exists once the request is whole.',
      consumes: ['application/json', 'multipart/form-data'],
      headers: z.object({ 'idempotency-key': z.string().min(1).max(255).optional() }),
      body: newJob,
      response: {
        201: { description: 'The job.', content: { 'application/json': { schema: jobView } } },
        ...problems(...COMMON, 404, 413, 415, 422),
      },
    } as never,
    // A form is read piece by piece in the handler, and is no body to check here.
    validatorCompiler: (route) => (value: unknown) =>
      value === null ? { value } : validatorCompiler(route as never)(value),
    onRequest: async (request) => {
      startCounting(request);
      if (Number(request.headers['content-length'] ?? 0) > options.limits.requestBytes)
        throw tooManyBytes(options.limits.requestBytes);
    },
    preValidation: async (request) => {
      if ((request.body ?? null) === null && !request.isMultipart())
        throw new HttpProblem(400, 'The request has no body.');
    },
    async handler(request, reply) {
      const { 'idempotency-key': key } = request.headers as { 'idempotency-key'?: string };
      const known = key === undefined ? undefined : await options.keys.find(key);
      if (known !== undefined) {
        if (request.isMultipart()) reply.header('connection', 'close');
        return await answer(known, reply, options);
      }
      const asked = request.isMultipart()
        ? await uploaded(request, options)
        : named(request.body as NewJob, options.allowBuckets);
      const model = await options.selectModel(asked.model);
      const id = options.newId();
      const job = key === undefined ? id : await options.keys.claim(key, id);
      if (job === id) await submit({ ...asked, id, trace: request.id, model }, options);
      return await answer(job, reply, options);
    },
  });
}

interface Asked {
  inputs: readonly string[] | Input[];
  topK: number | undefined;
  model: string | undefined;
  include?: readonly string[];
  exclude?: readonly string[];
}

async function uploaded(
  request: Parameters<typeof receiveUpload>[0],
  options: JobRoutesOptions,
): Promise<Asked> {
  const { images, fields } = await receiveUpload(request, options);
  if (images.length === 0) throw new HttpProblem(400, 'There is no file in the form.');
  const parsed = uploadFields.safeParse(fields);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new HttpProblem(400, `form field ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'is wrong'}`);
  }
  return { inputs: images, topK: parsed.data.topK, model: parsed.data.model };
}

function named(
  { inputs, topK, model, include = [], exclude = [] }: NewJob,
  allowed: readonly string[],
): Asked {
  for (const input of inputs) {
    const { bucket = '' } = parseS3Address(input) ?? {};
    if (allowed.includes(bucket)) continue;
    throw new HttpProblem(403, `The service may not read from bucket "${bucket}".`, {
      hint: 'Its operator allows buckets with --allow-buckets.',
    });
  }
  return { inputs, topK, model, include, exclude };
}

async function submit(
  {
    inputs,
    id,
    trace,
    model,
    topK,
    include = [],
    exclude = [],
  }: Omit<Asked, 'model'> & { id: string; trace: string; model: ModelRef },
  { client, hub, topK: usual }: JobRoutesOptions,
): Promise<void> {
  const isNamed = inputs.every((input): input is string => typeof input === 'string');
  const images = isNamed ? inputs : asStream(inputs as Input[]);
  try {
    const job = await client.submit(images, {
      id,
      trace,
      model,
      topK: topK ?? usual,
      include,
      exclude,
      wait: false,
    });
    // Those in S3 are still being listed, which may take long: the caller follows the job.
    if (!isNamed) await job.submitted;
    else job.submitted.catch(() => {});
  } catch (error) {
    if (error instanceof ImgclsError && error.kind === 'usage')
      throw new HttpProblem(422, error.message, { hint: error.hint, cause: error });
    throw error;
  }
  hub.keep(id);
}

async function* asStream<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

async function answer(id: string, reply: FastifyReply, { hub }: JobRoutesOptions) {
  const job = await hub.view(id);
  return reply.code(201).header('location', `/v1/jobs/${id}`).send(job);
}

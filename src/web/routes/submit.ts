import type { FastifyInstance, FastifyReply } from 'fastify';
import { validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import * as z from 'zod';
import type { Client } from '../../client/client.ts';
import { topK } from '../../core/job/job.ts';
import type { ModelRef } from '../../core/model/model.ts';
import { ImgclsError } from '../../core/runtime/errors.ts';
import type { Input } from '../../upload/inputs.ts';
import { parseS3Address } from '../../upload/select.ts';
import { type JobRequest, jobView, newJob, type UploadedJob, uploadedJob } from '../api.ts';
import type { DirectUploads } from '../direct-uploads.ts';
import type { IdempotencyKeys } from '../idempotency-keys.ts';
import type { JobHub } from '../job-hub.ts';
import type { ModelSelector } from '../model-selector.ts';
import { COMMON, HttpProblem, problems } from '../problem.ts';
import { discardUpload, receiveUpload, startCounting, tooManyBytes } from '../receive-upload.ts';
import { BODY_BYTES, NAMED_IMAGE_BYTES, type ServiceLimits } from '../service-limits.ts';

export interface SubmitRouteOptions {
  client: Client;
  hub: JobHub;
  keys: IdempotencyKeys;
  limits: ServiceLimits;
  /** Buckets that `s3://` inputs may name. */
  allowBuckets: readonly string[];
  /** Absent where all images come through the service. */
  uploads: DirectUploads | undefined;
  topK: number;
  selectModel: ModelSelector;
  newId(): string;
}

/** A form says everything in words. */
const uploadFields = z.strictObject({
  topK: z.coerce.number().pipe(topK).optional(),
  model: z.string().min(1).max(70).optional(),
});

/** `POST /v1/jobs`: a form with the images, or JSON that says where they are. */
export function submitRoute(app: FastifyInstance, options: SubmitRouteOptions): void {
  const { uploads, limits } = options;
  app.withTypeProvider<ZodTypeProvider>().route({
    method: 'POST',
    url: '/v1/jobs',
    bodyLimit: uploads === undefined ? BODY_BYTES : BODY_BYTES + NAMED_IMAGE_BYTES * limits.files,
    schema: {
      operationId: 'submitJob',
      tags: ['jobs'],
      summary: 'Classify images: upload them, or name where they lie in S3',
      description:
        'A multipart form with any number of files (`files`), or JSON that names `s3://` inputs or what was put into the input bucket before (`POST /v1/uploads`, where it is there). A job exists once the request is whole.',
      consumes: ['application/json', 'multipart/form-data'],
      headers: z.object({ 'idempotency-key': z.string().min(1).max(255).optional() }),
      body: uploads === undefined ? newJob : z.union([newJob, uploadedJob]),
      response: {
        201: { description: 'The job.', content: { 'application/json': { schema: jobView } } },
        ...problems(...COMMON, 404, ...(uploads === undefined ? [] : [409]), 413, 415, 422),
      },
    } as never,
    // A form is read piece by piece in the handler, and is no body to check here.
    validatorCompiler: (route) => (value: unknown) =>
      value === null ? { value } : validatorCompiler(route as never)(value),
    onRequest: async (request) => {
      startCounting(request);
      if (Number(request.headers['content-length'] ?? 0) > limits.requestBytes)
        throw tooManyBytes(limits.requestBytes);
    },
    preValidation: async (request) => {
      if ((request.body ?? null) === null && !request.isMultipart())
        throw new HttpProblem(400, 'The request has no body.');
    },
    async handler(request, reply) {
      const { 'idempotency-key': key } = request.headers as { 'idempotency-key'?: string };
      const known = key === undefined ? undefined : await options.keys.find(key);
      if (known !== undefined) {
        if (request.isMultipart()) await discardUpload(request, limits);
        return await answer(known, reply, options);
      }
      const asked = request.isMultipart()
        ? await uploaded(request, options)
        : await named(request.body as JobRequest | UploadedJob, options);
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
  options: SubmitRouteOptions,
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

async function named(
  body: JobRequest | UploadedJob,
  { uploads, allowBuckets }: SubmitRouteOptions,
): Promise<Asked> {
  const { topK, model } = body;
  if ('images' in body) return { inputs: (await uploads?.take(body.images)) ?? [], topK, model };
  const { inputs, include = [], exclude = [] } = body;
  for (const input of inputs) {
    const { bucket = '' } = parseS3Address(input) ?? {};
    if (allowBuckets.includes(bucket)) continue;
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
  { client, hub, topK: usual }: SubmitRouteOptions,
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

async function answer(id: string, reply: FastifyReply, { hub }: SubmitRouteOptions) {
  const job = await hub.view(id);
  return reply.code(201).header('location', `/v1/jobs/${id}`).send(job);
}

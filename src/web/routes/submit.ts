import { hash } from 'node:crypto';
import multipart from '@fastify/multipart';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import * as z from 'zod';
import { topK } from '../../core/job/job.ts';
import { faultOfAddress, isWebAddress } from '../../core/network/web-address.ts';
import { isInventory } from '../../upload/bucket/inventory.ts';
import { parseS3Address } from '../../upload/select.ts';
import { closestAllowed } from '../../upload/web/allowed-hosts.ts';
import { type JobRequest, jobView, newJob, type UploadedJob, uploadedJob } from '../api.ts';
import { createJob, type JobCreation, type RequestedJob } from '../create-job.ts';
import type { DirectUploads } from '../direct-uploads.ts';
import { BYTES_PER_NAMED_IMAGE, INPUTS_BYTES, MAX_BODY_BYTES, type ServiceLimits } from '../limits.ts';
import { labelsIn } from '../model-selector.ts';
import { COMMON_STATUSES, HttpProblem, problemResponses } from '../problem.ts';
import { digestOfUpload, receiveUpload, startCounting, tooManyBytes } from '../receive-upload.ts';
import type { Shares } from '../shares.ts';

export interface SubmitRouteOptions extends JobCreation {
  limits: ServiceLimits;
  /** The bytes of the temporary files of all uploads. */
  spooled: Shares;
  /** Buckets that `s3://` inputs may name. */
  allowBuckets: readonly string[];
  /** The folder of the sample photographs. */
  samplesDir: string;
  /** Undefined if all images are uploaded through the service. */
  uploads: DirectUploads | undefined;
}

/** Form fields are text. */
const uploadFields = z.strictObject({
  topK: z.coerce.number().pipe(topK).optional(),
  model: z.string().min(1).max(70).optional(),
  labels: z.string().transform(labelsIn).optional(),
  by: z.iso.datetime({ offset: true }).optional(),
  maxCostUsd: z.coerce.number().positive().optional(),
  fresh: z
    .enum(['true', 'false'])
    .transform((text) => text === 'true')
    .optional(),
});

/**
 * `POST /v1/jobs`: a form with the images, or JSON that names them. `POST /v1/jobs/named`: the JSON alone, since generated
 * clients send one type of body per operation.
 */
export function submitRoutes(app: FastifyInstance, options: SubmitRouteOptions): void {
  app.register((scope, _options, done) => {
    // For this route only: others refuse a form. A file that is too large gets an error outcome; the request goes on.
    scope.register(multipart, { throwFileSizeLimit: false });
    uploadRoute(scope, options);
    done();
  });
  namedRoute(app, options);
  samplesRoute(app, options);
}

/** What both routes have. */
const routeOf = ({ uploads, limits }: SubmitRouteOptions) => ({
  method: 'POST' as const,
  bodyLimit:
    MAX_BODY_BYTES + Math.max(INPUTS_BYTES, uploads === undefined ? 0 : BYTES_PER_NAMED_IMAGE * limits.files),
  schema: {
    tags: ['jobs'],
    headers: z.object({ 'idempotency-key': z.string().min(1).max(255).optional() }),
    body: uploads === undefined ? newJob : z.union([newJob, uploadedJob]),
    response: {
      201: { description: 'The job.', content: { 'application/json': { schema: jobView } } },
      ...problemResponses(...COMMON_STATUSES, 404, ...(uploads === undefined ? [] : [409]), 413, 415, 422),
    },
  },
});

function uploadRoute(app: FastifyInstance, options: SubmitRouteOptions): void {
  const { limits } = options;
  const common = routeOf(options);
  app.withTypeProvider<ZodTypeProvider>().route({
    ...common,
    url: '/v1/jobs',
    schema: {
      ...common.schema,
      operationId: 'submitJob',
      summary: 'Submit a job: upload images',
      description:
        'A form with any number of files (`files`). The job is created when the request is complete. Also takes the JSON of `POST /v1/jobs/named`.',
      consumes: ['application/json', 'multipart/form-data'],
    } as never,
    // The handler reads a form as a stream, so its body cannot be validated here.
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
      const job = await createJob(request, options, {
        digest: async () =>
          request.isMultipart() ? await digestOfUpload(request, limits) : digestOfJson(request.body),
        read: (id) =>
          request.isMultipart()
            ? readUpload(request, id, options)
            : readNamed(request.body as NamedJob, options),
      });
      return await sendCreated(job, `jobs/${job}`, reply, options);
    },
  });
}

function namedRoute(app: FastifyInstance, options: SubmitRouteOptions): void {
  const common = routeOf(options);
  app.withTypeProvider<ZodTypeProvider>().route({
    ...common,
    url: '/v1/jobs/named',
    schema: {
      ...common.schema,
      operationId: 'submitNamedJob',
      summary: 'Submit a job: name images in S3 or of the web',
      description:
        'Names `s3://` inputs and web addresses, which the service fetches, or images that were put into the input bucket (`POST /v1/uploads`, where available).',
    } as never,
    async handler(request, reply) {
      const job = await createJob(request, options, {
        digest: async () => digestOfJson(request.body),
        read: () => readNamed(request.body as NamedJob, options),
      });
      return await sendCreated(job, job, reply, options);
    },
  });
}

function samplesRoute(app: FastifyInstance, options: SubmitRouteOptions): void {
  const { schema } = routeOf(options);
  const { body: _body, headers: _headers, ...rest } = schema;
  app.withTypeProvider<ZodTypeProvider>().route({
    method: 'POST',
    url: '/v1/samples',
    schema: {
      ...rest,
      operationId: 'submitSamples',
      summary: 'Submit a job: the sample photographs of imgcls',
      description: 'For a first try. The request has no body. The photographs are at `/samples/NAME`.',
    } as never,
    async handler(request, reply) {
      const { samplesDir } = options;
      const job = await createJob(request, options, {
        digest: async () => SAMPLES_DIGEST,
        read: async () => ({ ...NO_OPTIONS, inputs: [samplesDir], digest: SAMPLES_DIGEST }),
      });
      return await sendCreated(job, `jobs/${job}`, reply, options);
    },
  });
}

/** All requests for the samples are the same. */
const SAMPLES_DIGEST = 'samples';
const NO_OPTIONS = {
  topK: undefined,
  model: undefined,
  labels: undefined,
  fresh: undefined,
  by: undefined,
  maxCostUsd: undefined,
};

const digestOfJson = (body: unknown): string => hash('sha256', JSON.stringify(body));

type NamedJob = JobRequest | UploadedJob;

async function readUpload(
  request: Parameters<typeof receiveUpload>[0],
  forJob: string,
  options: SubmitRouteOptions,
): Promise<RequestedJob> {
  const { images, fields, digest } = await receiveUpload(request, { ...options, forJob });
  if (images.length === 0) throw new HttpProblem(400, 'The form contains no files.');
  const parsed = uploadFields.safeParse(fields);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new HttpProblem(
      400,
      `form field ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'is invalid'}`,
    );
  }
  const { topK, model, labels, fresh, by, maxCostUsd } = parsed.data;
  return { inputs: images, topK, model, labels, fresh, by, maxCostUsd, digest };
}

async function readNamed(
  body: NamedJob,
  { uploads, allowBuckets, allowUrls }: SubmitRouteOptions,
): Promise<RequestedJob> {
  const { topK, model, labels, fresh, by, maxCostUsd } = body;
  const options = { topK, model, labels, fresh, by, maxCostUsd, digest: digestOfJson(body) };
  if ('images' in body) return { inputs: (await uploads?.requireStored(body.images)) ?? [], ...options };
  const { inputs, include = [], exclude = [] } = body;
  for (const input of inputs) {
    if (isWebAddress(input)) requireAllowedHost(input, allowUrls);
    else requireAllowedBucket(input, allowBuckets);
  }
  return { inputs, include, exclude, ...options };
}

function requireAllowedBucket(input: string, allowBuckets: readonly string[]): void {
  const { bucket = '' } = parseS3Address(input) ?? {};
  // An inventory names another bucket, which was not allowed.
  if (isInventory(input))
    throw new HttpProblem(403, 'The service does not read the inventory of a bucket.', {
      hint: 'Name the prefixes of the bucket, or use "imgcls label".',
    });
  if (allowBuckets.includes(bucket)) return;
  throw new HttpProblem(403, `The service is not allowed to read bucket "${bucket}".`, {
    hint: 'The operator can allow it with --allow-buckets.',
  });
}

function requireAllowedHost(input: string, allowUrls: readonly string[]): void {
  const fault = faultOfAddress(input);
  if (fault !== undefined) throw new HttpProblem(422, `The input "${input}" ${fault}.`);
  const url = new URL(input);
  if (closestAllowed(url, allowUrls) !== undefined) return;
  throw new HttpProblem(403, `The service is not allowed to fetch images from ${url.host}.`, {
    hint: 'The operator can allow it with --allow-urls. Or download the images and upload them.',
  });
}

/** @param location relative to the request's address: the service need not know its path below a reverse proxy. */
async function sendCreated(id: string, location: string, reply: FastifyReply, { hub }: SubmitRouteOptions) {
  const job = await hub.view(id);
  return reply.code(201).header('location', location).send(job);
}

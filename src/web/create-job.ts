// A job of a request: its model, its identity if the request is repeated, its submission.
import type { FastifyRequest } from 'fastify';
import type { Client } from '../client/client.ts';
import type { Cloud } from '../core/cloud/ports.ts';
import { isDeleted } from '../core/job/job-record.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import type { Input } from '../upload/inputs.ts';
import { callerOf } from './caller.ts';
import type { FetchingJobs } from './fetching-jobs.ts';
import type { Claim, IdempotencyKeys } from './idempotency-keys.ts';
import type { JobHub } from './job-hub.ts';
import { LABELS_WAIT_MS } from './limits.ts';
import type { ChosenModel, ModelSelector } from './model-selector.ts';
import { HttpProblem } from './problem.ts';

export interface JobCreation {
  client: Client;
  cloud: Cloud;
  hub: JobHub;
  keys: IdempotencyKeys;
  topK: number;
  /** Hosts from which images are fetched. */
  allowUrls: readonly string[];
  /** Jobs whose images are being fetched. */
  fetchingJobs: FetchingJobs;
  selectModel: ModelSelector;
  newId(): string;
}

export interface RequestedJob {
  /** The same for a request with the same content. */
  digest: string;
  inputs: readonly string[] | Input[];
  topK: number | undefined;
  model: string | undefined;
  labels: readonly string[] | undefined;
  fresh: boolean | undefined;
  by: string | undefined;
  maxCostUsd: number | undefined;
  include?: readonly string[];
  exclude?: readonly string[];
}

export interface RequestBody {
  /** Reads it and keeps nothing. */
  digest(): Promise<string>;
  /** @param job the images are stored for it. */
  read(job: string): Promise<RequestedJob>;
}

/** @returns the id of the job: a new one, or that of an earlier request with this `Idempotency-Key`. */
export async function createJob(
  request: FastifyRequest,
  options: JobCreation,
  body: RequestBody,
): Promise<string> {
  const { headers, id: trace } = request;
  const caller = callerOf(request);
  const { 'idempotency-key': key } = headers as { 'idempotency-key'?: string };
  const existing = key === undefined ? undefined : await options.keys.find(key);
  if (existing !== undefined) {
    requireSame(existing, await body.digest());
    return existing.job;
  }
  const id = options.newId();
  try {
    const requested = await body.read(id);
    const { model: title, labels } = requested;
    const chosen = await options.selectModel({ title, labels, caller, waitMs: LABELS_WAIT_MS });
    const own = { job: id, digest: requested.digest };
    const claim = key === undefined ? own : await options.keys.claim(key, own);
    requireSame(claim, requested.digest);
    if (claim.job === id) await submit(caller, { ...requested, id, trace, ...chosen }, options);
    return claim.job;
  } finally {
    // The images of a request that failed, or that was sent twice, are stored for a job that does not exist.
    if (await isDeleted(options.cloud.output, id)) await options.cloud.forget?.(id);
  }
}

/** @throws {HttpProblem} for an error of the caller; all others as they are. */
function refuseUsage(error: unknown): never {
  if (error instanceof ImgclsError && error.kind === 'usage')
    throw new HttpProblem(422, error.message, { hint: error.hint, cause: error });
  throw error;
}

/** @throws {HttpProblem} if the key was used for another request: its images would be dropped in silence. */
function requireSame({ digest: earlier }: Claim, digest: string): void {
  if (earlier === undefined || earlier === digest) return;
  throw new HttpProblem(422, 'This Idempotency-Key was used for a request with other content.', {
    hint: 'Use a new key for each new request, and the same key only to repeat a request.',
  });
}

async function submit(
  caller: string,
  {
    inputs,
    id,
    trace,
    model,
    words,
    topK,
    fresh = false,
    by,
    maxCostUsd,
    include = [],
    exclude = [],
  }: Omit<RequestedJob, 'model' | 'labels' | 'digest'> & ChosenModel & { id: string; trace: string },
  { client, hub, topK: defaultTopK, allowUrls, fetchingJobs }: JobCreation,
): Promise<void> {
  const isNamed = inputs.every((input): input is string => typeof input === 'string');
  const images = isNamed ? inputs : toAsync(inputs as Input[]);
  try {
    const job = await fetchingJobs.start(caller, isNamed ? inputs : [], () =>
      client.submit(images, {
        id,
        trace,
        model,
        ...(words && { words }),
        topK: topK ?? defaultTopK,
        fresh,
        ...(by !== undefined && { by: new Date(by) }),
        ...(maxCostUsd !== undefined && { maxCostUsd }),
        include,
        exclude,
        allowUrls,
        wait: false,
      }),
    );
    // Listing images in S3 and fetching others may take long: respond now, and let the caller follow the job.
    if (!isNamed) await job.submitted;
    else job.submitted.catch(() => {});
  } catch (error) {
    refuseUsage(error);
  }
  hub.followToEnd(id);
}

async function* toAsync<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

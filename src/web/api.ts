/** Schemas of the REST service. The OpenAPI document is generated from them; the page uses their types. */

import * as z from 'zod';
import { fleetSample } from '../core/fleet/fleet.ts';
import { anyJobId, attempt, jobState } from '../core/job/job.ts';
import { traceId } from '../core/job/trace.ts';
import { modelRef, sha256Hex } from '../core/model/model.ts';
import { MAX_WORD_CHARACTERS, MAX_WORDS } from '../core/model/words.ts';
import { MAX_INPUT_CHARACTERS, MAX_INPUTS, serverLimits } from './limits.ts';

/** Images in one `POST /v1/uploads`, at most. */
export const MAX_UPLOADS = 100;

const count = z.int().nonnegative();
const usd = z.number().nonnegative();
/** Milliseconds since 1970. */
const instant = z.number();

/** RFC 9457. */
export const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string().optional(),
    /** What to do about it. */
    hint: z.string().optional(),
    /** The error code of the image (`POST /v1/classify`). */
    code: z.string().optional(),
  })
  .meta({ id: 'Problem' });
export type Problem = z.infer<typeof problem>;

export const jobView = z
  .object({
    /** A ULID, or `drop-2026-11-26` for the images dropped into the input bucket on that day, which is always open. */
    id: anyJobId,
    /** Trace id of the job's log lines: the caller's, or a new one. */
    trace: traceId.optional(),
    state: jobState,
    createdAtMs: instant,
    finishedAtMs: instant.optional(),
    /** Absent for dropped images: each outcome names its model. */
    model: modelRef.optional(),
    topK: z.int().optional(),
    attempt,
    /** Images of the job; absent while the job is open. */
    total: count.optional(),
    /** Images with an outcome, without failed ones that are being retried. */
    done: count,
    /** Images with an error outcome. */
    errors: count,
    imagesPerSecond: z.number().nonnegative().optional(),
    /** Estimated time until the job is done, at that rate. */
    leftMs: z.number().nonnegative().optional(),
    /** Cost of its machines so far, in US dollars. */
    usd: usd.optional(),
    inputs: z
      .array(z.string())
      .optional()
      .describe('The first three files and folders as given. Absent for uploads.'),
    inputCount: count.optional().describe('How many there are.'),
    firstImages: z
      .array(z.object({ index: count, name: z.string() }))
      .optional()
      .describe('Up to four of the first images, by which people recognise a job.'),
    interrupted: z
      .literal(true)
      .optional()
      .describe('The program that announced the images has ended before it was done (`imgcls resume`).'),
  })
  .meta({ id: 'Job' });
export type JobView = z.infer<typeof jobView>;

/** A job that exists but cannot be read, with the reason. */
export const unknownJob = z.object({ id: z.string(), unknown: z.string() }).meta({ id: 'UnknownJob' });

export const jobPage = z
  .object({
    /** Newest first. */
    jobs: z.array(z.union([jobView, unknownJob])),
    /** Pass it as `?after=` to get the next page, which may be empty. Absent on the last page. */
    next: anyJobId.optional(),
  })
  .meta({ id: 'JobPage' });
export type JobPage = z.infer<typeof jobPage>;

const jobOptions = {
  topK: z.int().min(1).max(100).optional(),
  /** `NAME` or `NAME/VARIANT`, as `GET /v1/models` lists them. */
  model: z.string().min(1).max(70).optional(),
  labels: z
    .array(z.string().max(MAX_WORD_CHARACTERS))
    .min(1)
    .max(MAX_WORDS)
    .optional()
    .describe('To choose from, for a model without labels of its own (CLIP, SigLIP).'),
  by: z.iso
    .datetime({ offset: true })
    .optional()
    .describe('When the job should be done. The cheapest fleet that meets it is launched.'),
  maxCostUsd: z
    .number()
    .positive()
    .optional()
    .describe('Maximum cost of the workers for the job, in US dollars. Past it, its remaining images wait.'),
  fresh: z.boolean().optional().describe('Classify all images, also those that an earlier job has labelled.'),
};

export const imagePlaceView = z
  .object({
    kind: z
      .enum(['file', 'object', 'web', 'upload'])
      .describe(
        'A file of the machine, an object of S3, an image of the web, or what a program or a browser has uploaded.',
      ),
    at: z.string().describe('Its absolute path, its address, or the name that its sender gave.'),
  })
  .meta({ id: 'ImagePlace' });
export type ImagePlaceView = z.infer<typeof imagePlaceView>;

/** A job on images in S3 and of the web. */
export const newJob = z
  .strictObject({
    inputs: z
      .array(
        z
          .string()
          .regex(/^(s3|https?):\/\/[^/]+/, 'must be s3://bucket/prefix or a web address')
          .max(MAX_INPUT_CHARACTERS),
      )
      .min(1)
      .max(MAX_INPUTS)
      .describe(
        '`s3://bucket/prefix` or `s3://bucket/key`, and web addresses of images, where the service allows them (`allowBuckets` and `allowUrls` of `GET /v1/server`).',
      ),
    include: z.array(z.string().min(1).max(256)).max(20).optional(),
    exclude: z.array(z.string().min(1).max(256)).max(20).optional(),
    ...jobOptions,
  })
  .meta({ id: 'NewJob' });
export type JobRequest = z.infer<typeof newJob>;

/** An image to put into the input bucket. */
const content = {
  sha256: sha256Hex,
  bytes: z
    .int()
    .min(0)
    .max(2 ** 40),
};

export const uploadsRequest = z
  .strictObject({ images: z.array(z.strictObject(content)).min(1).max(MAX_UPLOADS) })
  .meta({ id: 'UploadsRequest' });

export const offeredUploads = z
  .object({
    /** In the order of the request. */
    uploads: z.array(
      z.object({
        sha256: sha256Hex,
        /**
         * A presigned request that stores the image: PUT exactly the announced bytes to `url` with these headers before it
         * expires. Absent if the bucket has the image already.
         */
        put: z
          .object({ url: z.string(), headers: z.record(z.string(), z.string()), expiresAtMs: instant })
          .optional(),
      }),
    ),
  })
  .meta({ id: 'OfferedUploads' });
export type OfferedUploads = z.infer<typeof offeredUploads>;

/** A job on images that were put into the input bucket with the URLs of `POST /v1/uploads`. */
export const uploadedJob = z
  .strictObject({
    images: z
      .array(z.strictObject({ name: z.string().min(1).max(4096), ...content }))
      .min(1)
      .max(100_000),
    ...jobOptions,
  })
  .meta({ id: 'UploadedJob' });
export type UploadedJob = z.infer<typeof uploadedJob>;

/** Image indexes from `first` to `last`, inclusive. */
const indexRange = z.object({ first: count, last: count }).meta({ id: 'IndexRange' });

/**
 * `event: snapshot` after each connect, and when a retry reopens the job: the job, and all images that have an outcome.
 * `event: progress` afterwards: the job, and the images with a new outcome. An image that is repeated has a newer one.
 * `event: gone`, with empty data: the job was deleted. Comments are heartbeats.
 */
export const jobEvent = z.object({ job: jobView, covered: z.array(indexRange) }).meta({ id: 'JobEvent' });
export type JobEvent = z.infer<typeof jobEvent>;

/** What the service is and accepts. */
export const serverView = z
  .object({
    version: z.string(),
    cluster: z.string(),
    cloud: z.enum(['local', 'aws']),
    /** The default model, as `NAME/VARIANT`. */
    model: z.string(),
    topK: z.int(),
    /** Whether callers need the token, or a session. */
    requiresToken: z.boolean(),
    /** Whether images can be put directly into the input bucket (`POST /v1/uploads`). */
    directUploads: z.boolean(),
    /** Whether `GET /v1/find` works: on one machine. */
    search: z.boolean(),
    /** Buckets whose images a job may name as `s3://bucket/prefix`. */
    allowBuckets: z.array(z.string()),
    allowUrls: z
      .array(z.string())
      .describe(
        'Hosts whose web addresses a job may name: `public` (all with public addresses), names, and names with a port.',
      ),
    limits: serverLimits,
  })
  .meta({ id: 'Server' });
export type ServerView = z.infer<typeof serverView>;

export const modelView = z
  .object({
    ...modelRef.omit({ words: true }).shape,
    /** `NAME/VARIANT`. */
    title: z.string(),
    bytes: count,
    licence: z.string(),
    top1: z.number().optional(),
    isDefault: z.boolean(),
    zeroShot: z
      .boolean()
      .describe('Has no labels of its own: a request brings those to choose from (`labels`).'),
  })
  .meta({ id: 'Model' });
export const modelList = z.object({ models: z.array(modelView) }).meta({ id: 'ModelList' });
export type ModelList = z.infer<typeof modelList>;

/** A value that could not be read, with the reason. */
const unknown = z.object({ unknown: z.string() }).meta({ id: 'Unknown' });
const known = <T extends z.ZodType>(schema: T) => z.union([schema, unknown]);

const depth = z.object({ waiting: count, inFlight: count, delayed: count }).meta({ id: 'QueueDepth' });
const sample = fleetSample.meta({ id: 'FleetSample' });

export type { FleetSample } from '../core/fleet/fleet.ts';

export const statusView = z
  .object({
    cluster: z.string(),
    cloud: z.enum(['local', 'aws']),
    atMs: instant,
    /** The controller's last report, and whether a controller is running now. */
    controller: z
      .object({
        isAlive: z.boolean(),
        /** Why the fleet has its size. */
        reason: z.string(),
        warnings: z.array(z.string()),
        policy: z.string(),
        min: count,
        max: count,
        target: count,
        /** Current cost of the machines per hour, and their total cost since the cost ledger began. */
        hourlyUsd: usd.optional(),
        totalUsd: usd.optional(),
        /** Since then some machine had no known price, so the total is a lower bound. */
        unknownSinceMs: instant.optional(),
      })
      .optional(),
    requests: known(depth),
    deadLetters: known(depth),
    workers: known(
      z.array(
        z.object({
          id: z.string(),
          /** From the worker's status, or from the controller's report for a machine without one. */
          phase: z.enum(['booting', 'idle', 'busy', 'draining', 'stopped']),
          host: z.string().optional(),
          sinceMs: instant,
          imagesDone: count.optional(),
          imagesPerSecond: z.number().nonnegative().optional(),
          rssBytes: count.optional(),
          models: z.array(z.string()).optional(),
          version: z.string().optional(),
        }),
      ),
    ),
    imagesPerSecond: known(z.number().nonnegative()),
    backlogImages: known(z.number().nonnegative()),
    backlogMs: known(z.number().nonnegative()),
    /** Samples of at most the last day, oldest first: every ten seconds of the last hour, one in ten minutes before. */
    history: z.array(sample),
  })
  .meta({ id: 'Status' });
export type StatusBody = z.infer<typeof statusView>;

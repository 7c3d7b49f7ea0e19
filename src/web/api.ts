/** The shapes of the REST service: what it takes and answers. The OpenAPI document is made of them; the page uses their types. */

import * as z from 'zod';
import { fleetSample } from '../core/fleet/fleet.ts';
import { anyJobId, attempt, jobState } from '../core/job/job.ts';
import { traceId } from '../core/job/trace.ts';
import { modelRef, sha256Hex } from '../core/model/model.ts';
import { imageError, scoredLabel } from '../core/model/outcome.ts';

/** Images that `POST /v1/uploads` takes at a time. */
export const MOST_UPLOADS = 100;

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
    /** What the caller can do about it. */
    hint: z.string().optional(),
    /** The code of an image's error (`POST /v1/classify`). */
    code: z.string().optional(),
  })
  .meta({ id: 'Problem' });
export type Problem = z.infer<typeof problem>;

export const jobView = z
  .object({
    /** `drop-2026-11-26`: the images that were dropped into the input bucket on that day; always open. */
    id: anyJobId,
    /** What the log lines about the job are found by: the id of its caller's trace, or one of its own. */
    trace: traceId.optional(),
    state: jobState,
    createdAtMs: instant,
    finishedAtMs: instant.optional(),
    /** Absent for dropped images: each outcome names its own. */
    model: modelRef.optional(),
    topK: z.int().optional(),
    attempt,
    /** Images of the job; absent while they are still being announced. */
    total: count.optional(),
    /** Images with an outcome, without those that are being tried again. */
    done: count,
    /** Images with an error outcome. */
    errors: count,
    imagesPerSecond: z.number().nonnegative().optional(),
    /** Until the job is done, at that rate. */
    leftMs: z.number().nonnegative().optional(),
    /** What its machines have cost so far, in US dollars. */
    usd: usd.optional(),
  })
  .meta({ id: 'Job' });
export type JobView = z.infer<typeof jobView>;

/** A job that is there and cannot be read. */
export const unknownJob = z.object({ id: z.string(), unknown: z.string() }).meta({ id: 'UnknownJob' });

export const jobPage = z
  .object({
    /** Newest first. */
    jobs: z.array(z.union([jobView, unknownJob])),
    /** Ask for `?after=` this id for the jobs that follow. */
    next: anyJobId.optional(),
  })
  .meta({ id: 'JobPage' });
export type JobPage = z.infer<typeof jobPage>;

/** A job on images that lie in S3 already. */
export const newJob = z
  .strictObject({
    /** `s3://bucket/prefix` or `s3://bucket/key`, of buckets that the service allows. */
    inputs: z
      .array(
        z
          .string()
          .regex(/^s3:\/\/[^/]+/, 'must be s3://bucket/prefix')
          .max(2048),
      )
      .min(1)
      .max(100),
    include: z.array(z.string().min(1).max(256)).max(20).optional(),
    exclude: z.array(z.string().min(1).max(256)).max(20).optional(),
    topK: z.int().min(1).max(100).optional(),
    /** `NAME` or `NAME/VARIANT`, as `GET /v1/models` lists them. */
    model: z.string().min(1).max(70).optional(),
  })
  .meta({ id: 'NewJob' });
export type JobRequest = z.infer<typeof newJob>;

/** What somebody wants to put into the input bucket. */
const content = {
  sha256: sha256Hex,
  bytes: z
    .int()
    .min(0)
    .max(2 ** 40),
};

export const uploadsAsked = z
  .strictObject({ images: z.array(z.strictObject(content)).min(1).max(MOST_UPLOADS) })
  .meta({ id: 'UploadsAsked' });

export const uploadsOffered = z
  .object({
    /** In the order in which they were asked for. */
    uploads: z.array(
      z.object({
        sha256: sha256Hex,
        /**
         * The request that stores it: a PUT to this address, with these headers and exactly the bytes that were asked for,
         * begun before it expires. Absent where the bucket has it already.
         */
        put: z
          .object({ url: z.string(), headers: z.record(z.string(), z.string()), expiresAtMs: instant })
          .optional(),
      }),
    ),
  })
  .meta({ id: 'UploadsOffered' });
export type UploadsOffered = z.infer<typeof uploadsOffered>;

/** A job on images that were put into the input bucket by what `POST /v1/uploads` offers. */
export const uploadedJob = z
  .strictObject({
    images: z
      .array(z.strictObject({ name: z.string().min(1).max(4096), ...content }))
      .min(1)
      .max(100_000),
    topK: z.int().min(1).max(100).optional(),
    /** `NAME` or `NAME/VARIANT`, as `GET /v1/models` lists them. */
    model: z.string().min(1).max(70).optional(),
  })
  .meta({ id: 'UploadedJob' });
export type UploadedJob = z.infer<typeof uploadedJob>;

const place = { index: count, name: z.string() };

export const predictionView = z
  .object({
    ...place,
    /** The best class; `labels` has it and the next ones, best first. */
    label: z.string(),
    wnid: z.string(),
    /** Softmax probability, 0 to 1. */
    score: z.number(),
    labels: z.array(scoredLabel),
    model: z.string(),
    /** Time in the classifier, decode included. */
    ms: z.number(),
    /** `low_resolution`: the label is little more than a guess. */
    warning: z.string().optional(),
  })
  .meta({ id: 'Prediction' });

export const failedView = z.object({ ...place, error: imageError }).meta({ id: 'FailedImage' });

export const outcomeView = z.union([predictionView, failedView]);
export type OutcomeView = z.infer<typeof outcomeView>;

export const resultsPage = z
  .object({
    job: anyJobId,
    /** In input order. Images without an outcome yet are left out. */
    outcomes: z.array(outcomeView),
    /** Ask for `?from=` this index for what follows; absent at the end of what there is. */
    next: count.optional(),
  })
  .meta({ id: 'ResultsPage' });
export type ResultsPage = z.infer<typeof resultsPage>;

/** Images `first` to `last`, both included. */
const span = z.object({ first: count, last: count }).meta({ id: 'Span' });
export type SpanView = z.infer<typeof span>;

/**
 * `event: snapshot` on every connect, and when a retry opens the job again: the job, and all images that have an outcome.
 * `event: progress` afterwards: the job, and images whose outcome is new; those that come again have a newer one.
 * `event: gone`, without data worth reading: the job was deleted. Comments keep the connection alive.
 */
export const jobEvent = z.object({ job: jobView, covered: z.array(span) }).meta({ id: 'JobEvent' });
export type JobEvent = z.infer<typeof jobEvent>;

/** What the service is and what it takes; the page asks it first. */
export const serverView = z
  .object({
    version: z.string(),
    cluster: z.string(),
    cloud: z.enum(['local', 'aws']),
    /** The model of a job that names none, as `NAME/VARIANT`. */
    model: z.string(),
    topK: z.int(),
    /** Whether images can be put straight into the input bucket (`POST /v1/uploads`). */
    directUploads: z.boolean(),
    limits: z.object({
      imageBytes: count,
      requestBytes: count,
      files: count,
      /** Of `POST /v1/classify`. */
      classifyBytes: count,
    }),
  })
  .meta({ id: 'Server' });
export type ServerView = z.infer<typeof serverView>;

export const modelView = z
  .object({
    ...modelRef.shape,
    /** `NAME/VARIANT`. */
    title: z.string(),
    bytes: count,
    licence: z.string(),
    top1: z.number().optional(),
    isDefault: z.boolean(),
  })
  .meta({ id: 'Model' });
export const modelList = z.object({ models: z.array(modelView) }).meta({ id: 'ModelList' });
export type ModelList = z.infer<typeof modelList>;

/** The answer of `POST /v1/classify`. */
export const classified = z
  .object({
    label: z.string(),
    wnid: z.string(),
    score: z.number(),
    labels: z.array(scoredLabel),
    model: z.string(),
    ms: z.number(),
    warning: z.string().optional(),
  })
  .meta({ id: 'Classified' });
export type Classified = z.infer<typeof classified>;

/** What could not be read. */
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
    /** Whether a controller looks after the fleet now, and what it last said. */
    controller: z
      .object({
        isAlive: z.boolean(),
        /** Why the fleet is the size it is, in words. */
        reason: z.string(),
        warnings: z.array(z.string()),
        policy: z.string(),
        min: count,
        max: count,
        target: count,
        /** What the machines cost an hour now, and in all since the controller counts. */
        hourlyUsd: usd.optional(),
        totalUsd: usd.optional(),
      })
      .optional(),
    requests: known(depth),
    deadLetters: known(depth),
    workers: known(
      z.array(
        z.object({
          id: z.string(),
          /** Of the controller where it knows the machine, else of the worker itself. */
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
    /** The controller's memory of the last hour at most, oldest first. */
    history: z.array(sample),
  })
  .meta({ id: 'Status' });
export type StatusBody = z.infer<typeof statusView>;

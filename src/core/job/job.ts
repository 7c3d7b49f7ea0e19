import * as z from 'zod';
import { modelRef, sha256Hex } from '../model/model.ts';
import { imageError, imageName, MAX_TOP_K } from '../model/outcome.ts';
import { formatVersion } from '../runtime/versioned.ts';
import { traceId } from './trace.ts';

/** The first attempt of a job's images; each retry announces some of them in the next. */
export const FIRST_ATTEMPT = 1;
export const LAST_ATTEMPT = 999;
export const attempt = z.int().min(FIRST_ATTEMPT).max(LAST_ATTEMPT);

/** Of a job that was submitted. */
export const jobId = z.ulid();
/** Of any job that can be listed and read: also of the images that were dropped on one day. */
export const anyJobId = z.union([
  z.ulid({ error: ({ input }) => noJobId(input) }),
  z.templateLiteral(['drop-', z.iso.date()]),
]);

const MOST_SHOWN = 40;

function noJobId(input: unknown): string {
  const shown = JSON.stringify(String(input).slice(0, MOST_SHOWN));
  return `A job's id is 26 letters and digits, or drop-YYYY-MM-DD; ${shown} is none.`;
}

/**
 * `open`: images are still being announced. `sealed`: all of them are, and their number is known. `finished`: each has an
 * outcome; a retry opens the job again. `cancelled`: final.
 */
export const jobState = z.enum(['open', 'sealed', 'finished', 'cancelled']);
export type JobState = z.infer<typeof jobState>;

export const topK = z.int().min(1).max(MAX_TOP_K);

/** `jobs/<jobId>/job.json`, changed by If-Match only. */
export const jobRecord = z.object({
  v: formatVersion,
  id: jobId,
  /** Absent in records of an older imgcls. */
  trace: traceId.optional(),
  state: jobState,
  createdAtMs: z.number(),
  /** As given: relative ones are meant from `folder`. Empty where a program gave the images itself. */
  inputs: z.array(z.string()),
  folder: z.string().optional(),
  include: z.array(z.string()),
  exclude: z.array(z.string()),
  topK,
  model: modelRef,
  /** Images of the job, known once it was sealed for the first time. */
  total: z.int().nonnegative().optional(),
  /** The one that is announced now, or was last. */
  attempt: attempt.default(FIRST_ATTEMPT),
  /** Images of each retry whose announcement is complete: the first is that of attempt 2. */
  retried: z.array(z.int().nonnegative()).default([]),
  finishedAtMs: z.number().optional(),
});
export type JobRecord = z.infer<typeof jobRecord>;
/** One that is about to be written for the first time. */
export type NewJob = z.input<typeof jobRecord>;

/** How many images the job's present attempt has to give an outcome to; undefined while they are still being announced. */
export function attemptTotal({
  state,
  attempt,
  total,
  retried,
}: Pick<JobRecord, 'state' | 'attempt' | 'total' | 'retried'>): number | undefined {
  if (state === 'open') return undefined;
  return attempt === FIRST_ATTEMPT ? total : retried[attempt - FIRST_ATTEMPT - 1];
}

/** Where an image's bytes are, and how to know that they are the ones that were submitted. */
export const imageSource = z.object({
  bucket: z.string(),
  key: z.string(),
  sha256: sha256Hex.optional(),
  etag: z.string().optional(),
  /** Where in the object it is, in bytes; absent where it is the whole object. */
  offset: z.int().nonnegative().optional(),
  length: z.int().positive().optional(),
});
export type ImageSource = z.infer<typeof imageSource>;

/** An image that could not even be read by its submitter keeps its place, with the error as its outcome. */
const readable = imageSource;
const unreadable = z.object({ error: imageError });

const place = { index: z.int().nonnegative(), name: imageName };

/** One image of a request message. */
export const requestImage = z.union([
  z.object({ ...place, ...readable.shape }),
  z.object({ ...place, ...unreadable.shape }),
]);
export type RequestImage = z.infer<typeof requestImage>;

/** One line of a manifest part: an image as its submitter saw it. */
export const manifestEntry = z.union([
  z.object({ ...place, source: z.string(), bytes: z.int().nonnegative(), ...readable.shape }),
  z.object({ ...place, source: z.string(), bytes: z.int().nonnegative(), ...unreadable.shape }),
]);
export type ManifestEntry = z.infer<typeof manifestEntry>;

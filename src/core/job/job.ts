import * as z from 'zod';
import { modelRef, sha256Hex } from '../model/model.ts';
import { imageError, imageName, MAX_TOP_K } from '../model/outcome.ts';
import { locatedProcess } from '../runtime/located-process.ts';
import { FORMAT, formatVersion } from '../runtime/versioned.ts';
import { traceId } from './trace.ts';

/** The first attempt of a job's images. Each retry announces some of them in the next attempt. */
export const FIRST_ATTEMPT = 1;
export const LAST_ATTEMPT = 999;
export const attempt = z.int().min(FIRST_ATTEMPT).max(LAST_ATTEMPT);

/** The id of a submitted job. */
export const jobId = z.ulid();
/** The id of any job that can be listed and read, including the images dropped on one day. */
export const anyJobId = z.union([
  z.ulid({ error: ({ input }) => invalidJobId(input) }),
  z.templateLiteral(['drop-', z.iso.date()]),
]);

const MAX_SHOWN_CHARS = 40;

function invalidJobId(input: unknown): string {
  const shown = JSON.stringify(String(input).slice(0, MAX_SHOWN_CHARS));
  return `${shown} is not a job id. A job id has 26 letters and digits, or the form drop-YYYY-MM-DD.`;
}

/**
 * `open`: images are still being announced. `sealed`: all images are announced, and their number is known. `finished`: each
 * has an outcome; a retry opens the job again. `cancelled`: final.
 */
export const jobState = z.enum(['open', 'sealed', 'finished', 'cancelled']);
export type JobState = z.infer<typeof jobState>;

export const topK = z.int().min(1).max(MAX_TOP_K);

/** The format of records of jobs with labels of their own: an older imgcls would send their images without them. */
export const WORDS_JOB_FORMAT = 2;
/**
 * The format of records of jobs with an inventory, which an older imgcls would resume with its manifest as an image, or with
 * web addresses, whose allowed hosts it would drop.
 */
export const JOB_FORMAT = 3;

/** `jobs/<jobId>/job.json`. It is changed by conditional writes only. */
export const jobRecord = z.object({
  v: z.int().min(FORMAT).max(JOB_FORMAT),
  id: jobId,
  /** Absent in records of an older imgcls. */
  trace: traceId.optional(),
  state: jobState,
  createdAtMs: z.number(),
  /** Whether files of the submitter's machine are read where they are. Absent: from copies in the store. */
  localFiles: z.enum(['in-place', 'copy']).optional(),
  /** As given. Relative paths are relative to `folder`. Empty if a program passed the images itself. */
  inputs: z.array(z.string()),
  folder: z.string().optional(),
  include: z.array(z.string()),
  exclude: z.array(z.string()),
  topK,
  model: modelRef,
  /** Hosts that its web addresses may name, if a caller of the service gave them (setting `allowUrls`). Absent: all. */
  allowUrls: z.array(z.string()).optional(),
  /** The process that announces the images, on one machine. */
  submitter: locatedProcess.optional(),
  /** Known images are classified, too. */
  fresh: z.boolean().optional(),
  /** When it should be done, in milliseconds since 1970. The controller sizes the fleet by it. */
  deadlineMs: z.number().positive().optional(),
  /** What the fleet may cost for it, in US dollars. */
  maxCostUsd: z.number().nonnegative().optional(),
  /** Number of images, known once the job was sealed for the first time. */
  total: z.int().nonnegative().optional(),
  /** The present attempt, or the last one. */
  attempt: attempt.default(FIRST_ATTEMPT),
  /** Number of images of each fully announced retry; the first entry is that of attempt 2. */
  retried: z.array(z.int().nonnegative()).default([]),
  finishedAtMs: z.number().optional(),
});
/**
 * What is stored of a job. `total` is known when all inputs were read. Times are in milliseconds since 1970, `maxCostUsd` is in US
 * dollars. `attempt` is 1 until images are retried.
 */
export type JobRecord = z.infer<typeof jobRecord>;
/** A job record before its first write. */
export type NewJob = z.input<typeof jobRecord>;

/** Number of images of the job's present attempt. Undefined while they are still being announced. */
export function attemptTotal({
  state,
  attempt,
  total,
  retried,
}: Pick<JobRecord, 'state' | 'attempt' | 'total' | 'retried'>): number | undefined {
  if (state === 'open') return undefined;
  return attempt === FIRST_ATTEMPT ? total : retried[attempt - FIRST_ATTEMPT - 1];
}

/** The location of an image's bytes, and how to check that they are the submitted ones. */
export const imageSource = z.object({
  bucket: z.string(),
  key: z.string(),
  sha256: sha256Hex.optional(),
  etag: z.string().optional(),
  /** Byte offset in the object. Absent if the image is the whole object. */
  offset: z.int().nonnegative().optional(),
  length: z.int().positive().optional(),
});
export type ImageSource = z.infer<typeof imageSource>;

/**
 * The format of an image in a pack of more bytes than an older imgcls reads: it would take the pack for an image that is too
 * large. Other images have no format of their own.
 */
export const LARGE_PACK_FORMAT = 2 as const;

const readable = imageSource.extend({ v: z.literal(LARGE_PACK_FORMAT).optional() });
/** An image that its submitter could not read keeps its index, with the error as its outcome. */
const unreadable = z.object({ error: imageError });

const place = { index: z.int().nonnegative(), name: imageName };

/** One image of a request message. */
export const requestImage = z.union([
  z.object({ ...place, ...readable.shape }),
  z.object({ ...place, ...unreadable.shape }),
]);
export type RequestImage = z.infer<typeof requestImage>;

/** One line of a manifest part: an image as its submitter read it. */
export const manifestEntry = z.union([
  z.object({ ...place, source: z.string(), bytes: z.int().nonnegative(), ...readable.shape }),
  z.object({ ...place, source: z.string(), bytes: z.int().nonnegative(), ...unreadable.shape }),
]);
export type ManifestEntry = z.infer<typeof manifestEntry>;

/** `jobs/<jobId>/shares/<share>.json`: which submitter announces some parts of the manifest. */
export const shareClaim = z.object({
  v: formatVersion,
  /** Of its own for each process. */
  submitter: z.string(),
  /** Identifies all images of the job before the share. */
  before: sha256Hex,
});

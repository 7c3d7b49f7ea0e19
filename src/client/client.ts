import type { Readable } from 'node:stream';
import type { Body, Store } from '../core/cloud/ports.ts';
import { FIRST_ATTEMPT, type JobRecord, jobId } from '../core/job/job.ts';
import { isDropJob } from '../core/job/job-ids.ts';
import { createJob, readJob } from '../core/job/job-record.ts';
import { traceId, traceOf } from '../core/job/trace.ts';
import type { ModelRef } from '../core/model/model.ts';
import type { Outcome } from '../core/model/outcome.ts';
import { unlessAborted } from '../core/runtime/abort.ts';
import { ImgclsError, JobMissingError, ObjectMissingError } from '../core/runtime/errors.ts';
import { FORMAT } from '../core/runtime/versioned.ts';
import type { SubmitProgress } from '../upload/announce.ts';
import { checkEmptyInput } from '../upload/empty-input.ts';
import type { Input, Skipped, StoredInput } from '../upload/inputs.ts';
import { putContent } from '../upload/put-content.ts';
import { announceRest, manifestOf, notIn } from '../upload/resume.ts';
import { NOTHING_ANNOUNCED, uploadImages } from '../upload/submit.ts';
import { type WalkOptions, walkInputs } from '../upload/walk.ts';
import { type ClassifyOptions, Interactive, type InteractiveImage } from './interactive.ts';
import { type RetryJob, resumeRetry, retryJob } from './retry.ts';
import {
  type Job,
  type JobTools,
  jobHandle,
  type SubmissionOptions,
  startSubmission,
  stopper,
  type WaitForOptions,
  withRetries,
} from './submission.ts';

export interface ClientOptions extends JobTools {
  /** A bucket that `s3://` inputs are read from in place. */
  readBucket(name: string): Store;
  concurrency: number;
  maxImageBytes: number;
  /** Smaller ones travel packed; absent: those below 32 KB. */
  packBelowBytes?: number;
}

/** How images are read and announced. */
export interface ReadingOptions extends SubmissionOptions {
  /** For the input `-`. */
  stdin?: Readable;
  onSkip?(skipped: Skipped): void;
  onSubmitProgress?(progress: SubmitProgress): void;
}

export interface SubmitJob extends ReadingOptions {
  /** A ULID that the caller has made; else a new one. */
  id?: string;
  /** What the caller's own trace has as its id, 32 hex digits; else the job begins one. */
  trace?: string;
  model: ModelRef;
  topK: number;
  include?: readonly string[];
  exclude?: readonly string[];
  /** What relative inputs are meant from, for whoever resumes the job. */
  folder?: string;
}

export interface ResumeJob extends ReadingOptions {
  /** The images, where they came from a program: the same ones in the same order. */
  inputs?: AsyncIterable<Input>;
}

export interface Client {
  /**
   * Starts a job. Files, folders, globs, `s3://bucket/prefix` and `-`, or images from the program itself.
   * @throws {ImgclsError} of kind `usage` when there is no image among the inputs.
   */
  submit(inputs: readonly string[] | AsyncIterable<Input>, options: SubmitJob): Promise<Job>;
  /**
   * Stores one image, to be submitted later with others; until then no job knows of it.
   * @throws {ImgclsError} what waiting cannot help.
   */
  store(content: { sha256: string; body: Body }, waiting?: WaitForOptions): Promise<StoredInput>;
  /** @throws {ImgclsError} of kind `usage` when there is no such job. */
  job(id: string, waiting?: WaitForOptions): Promise<Job>;
  /**
   * Goes on with a job whose submitter ended before all images were announced; another job is only waited for.
   * Relative inputs are meant from the present folder.
   * @throws {ImgclsError} of kind `usage` when there is no such job, or its images came from a program and are not given.
   */
  resume(id: string, options: ResumeJob): Promise<Job>;
  /**
   * Classifies the images of a finished job once more that have an error; the job's handle gives out their outcomes.
   * @returns undefined where none has.
   * @throws {ImgclsError} of kind `usage` when there is no such job or it is not finished.
   */
  retry(id: string, options: RetryJob): Promise<Job | undefined>;
  /**
   * Classifies one image at once, past all jobs. Workers have to be there: it does not see to it that they are.
   * @throws {ImgclsError} of kind `transient` when no worker answered in time; asking again may help.
   */
  classify(image: InteractiveImage, options: ClassifyOptions): Promise<Outcome>;
  /** Removes what `classify` keeps in the cloud for the next call; jobs go on. */
  close(): Promise<void>;
}

export function createJobClient(options: ClientOptions): Client {
  const interactive = new Interactive(options);
  return {
    submit: (inputs, job) => submitJob(options, inputs, job),
    store: (content, waiting = {}) =>
      putContent(content, { ...options, ...waiting, input: withRetries(options, waiting).input }),
    async job(id, waiting = {}) {
      const record = await findJob(options, id, waiting);
      return jobHandle(options, record, { submitted: Promise.resolve(record) });
    },
    resume: async (id, job) => await resumeJob(options, await findJob(options, id, job), job),
    retry: async (id, job) => await retryJob(options, await findJob(options, id, job), job),
    classify: (image, given) => interactive.classify(image, given),
    close: () => interactive.close(),
  };
}

async function findJob(options: ClientOptions, id: string, waiting: WaitForOptions): Promise<JobRecord> {
  const unknown = (cause?: unknown) => new JobMissingError(id, options.cloud.cluster, cause);
  if (isDropJob(id)) throw dropped(id);
  if (!jobId.safeParse(id).success) throw unknown();
  try {
    return await readJob(withRetries(options, waiting).output, id, waiting.signal);
  } catch (error) {
    throw error instanceof ObjectMissingError ? unknown(error) : error;
  }
}

function dropped(id: string): ImgclsError {
  const what = `${id} is a day of dropped images, which nobody has submitted: it has no end to wait for, and cannot be`;
  return new ImgclsError('usage', `${what} resumed, tried again or cancelled.`, {
    hint: `"imgcls results ${id}" prints what there is; an image that is dropped again is classified again.`,
  });
}

/** The inputs of a job, by name. */
function walk(
  inputs: readonly string[],
  { readBucket }: ClientOptions,
  {
    stdin,
    onSkip,
    onEmptyList,
    ...job
  }: Pick<WalkOptions, 'include' | 'exclude' | 'onEmptyList'> & ReadingOptions,
  signal: AbortSignal,
): AsyncGenerator<Input> {
  return walkInputs(inputs, {
    include: job.include,
    exclude: job.exclude,
    stdin: stdin ?? process.stdin,
    bucket: readBucket,
    onSkip: onSkip ?? (() => {}),
    ...(onEmptyList && { onEmptyList }),
    signal,
  });
}

async function submitJob(
  options: ClientOptions,
  inputs: readonly string[] | AsyncIterable<Input>,
  given: SubmitJob,
): Promise<Job> {
  const { include = [], exclude = [], onSubmitProgress } = given;
  const stopping = stopper(given.signal);
  const { signal } = stopping;
  const named = Array.isArray(inputs) ? (inputs as readonly string[]) : undefined;
  const nothing = checkEmptyInput(given.onSkip);
  const walked =
    named === undefined
      ? (inputs as AsyncIterable<Input>)
      : walk(named, options, { ...given, ...nothing, include, exclude }, signal);
  // The first image is looked for before anything is written: a mistyped folder leaves no job behind.
  const images = walked[Symbol.asyncIterator]();
  // A source that gives nothing yet must not keep its caller from leaving.
  const first = await unlessAborted(images.next(), given.signal);
  if (first.done === true) throw nothing.error(named);
  const job = newJob(options, given, named ?? []);
  await createJob(withRetries(options, { ...given, signal }).output, job, given.signal);
  const submission = await startSubmission(options, stopping, given, (announcing) =>
    uploadImages(chained(first.value, images), {
      ...options,
      ...announcing,
      job,
      before: NOTHING_ANNOUNCED,
      ...(onSubmitProgress && { onProgress: onSubmitProgress }),
    }),
  );
  return jobHandle(options, job, submission);
}

function newJob({ clock, newId }: ClientOptions, given: SubmitJob, inputs: readonly string[]): JobRecord {
  const { include = [], exclude = [], topK, model, folder, id = newId(), trace } = given;
  if (trace !== undefined && !traceId.safeParse(trace).success)
    throw new ImgclsError('usage', `"${trace}" is no trace id: 32 hex digits, in lower case.`);
  return {
    v: FORMAT,
    id,
    trace: traceOf({ job: id, trace }),
    state: 'open',
    createdAtMs: clock.nowMs(),
    inputs: [...inputs],
    ...(folder !== undefined && { folder }),
    include: [...include],
    exclude: [...exclude],
    topK,
    model,
    attempt: FIRST_ATTEMPT,
    retried: [],
  };
}

async function* chained<T>(first: T, rest: AsyncIterator<T>): AsyncGenerator<T> {
  yield first;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}

async function resumeJob(options: ClientOptions, job: JobRecord, given: ResumeJob): Promise<Job> {
  if (job.state !== 'open') return jobHandle(options, job, { submitted: Promise.resolve(job) });
  if (job.attempt > FIRST_ATTEMPT) return await resumeRetry(options, job, given);
  const stopping = stopper(given.signal);
  const { onSubmitProgress } = given;
  const inputs = inputsOf(options, job, given, stopping.signal);
  const submission = await startSubmission(options, stopping, given, async (announcing) => {
    const { cloud, signal } = announcing;
    const before = await announceRest(cloud, job, announcing);
    return await uploadImages(notIn(manifestOf(cloud.output, job, signal), inputs), {
      ...options,
      ...announcing,
      job,
      before,
      ...(onSubmitProgress && { onProgress: onSubmitProgress }),
    });
  });
  return jobHandle(options, job, submission);
}

function inputsOf(
  options: ClientOptions,
  job: JobRecord,
  given: ResumeJob,
  signal: AbortSignal,
): AsyncIterable<Input> {
  if (given.inputs !== undefined) return given.inputs;
  if (job.inputs.length > 0) return walk(job.inputs, options, { ...given, ...job }, signal);
  throw new ImgclsError(
    'usage',
    `The images of job ${job.id} came from a program, which alone can resume it.`,
    {
      hint: `"imgcls cancel ${job.id}" gives it up.`,
    },
  );
}

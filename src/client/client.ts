import type { Body, Store } from '../core/cloud/ports.ts';
import { FIRST_ATTEMPT, type JobRecord, jobId } from '../core/job/job.ts';
import { isDropJob } from '../core/job/job-ids.ts';
import { createJob, readJob } from '../core/job/job-record.ts';
import { wordsKey } from '../core/job/keys.ts';
import type { Outcome } from '../core/model/outcome.ts';
import { unlessAborted } from '../core/runtime/abort.ts';
import { ImgclsError, JobMissingError, ObjectMissingError } from '../core/runtime/errors.ts';
import { type AnnounceSharesOptions, announceShares } from '../upload/bucket/announce-shares.ts';
import { areInventories } from '../upload/bucket/inventory.ts';
import { checkEmptyInput } from '../upload/empty-input.ts';
import type { Input, StoredInput } from '../upload/inputs.ts';
import { putContent } from '../upload/put-content.ts';
import { announceRest, manifestOf, notIn } from '../upload/resume.ts';
import { NOTHING_ANNOUNCED, type StoringOptions, uploadImages } from '../upload/submit.ts';
import { type WalkOptions, walkInputs } from '../upload/walk.ts';
import { type ClassifyOptions, Interactive, type InteractiveImage } from './interactive.ts';
import type { Job, WaitForOptions } from './job.ts';
import { type NewJobTools, newJob, type ReadingOptions, type SubmitJob } from './new-job.ts';
import { type RetryJob, resumeRetry, retryJob } from './retry.ts';
import { type JobTools, jobHandle, startSubmission, stopper, withRetries } from './submission.ts';

export interface ClientOptions extends JobTools, NewJobTools, StoringOptions {
  /** A bucket of `s3://` inputs. */
  readBucket(name: string): Store;
}

/** How a job is resumed. */
export interface ResumeJob extends ReadingOptions {
  /** For a job whose images came from a program: the same images in the same order. */
  inputs?: AsyncIterable<Input>;
}

export interface Client {
  /**
   * Starts a job.
   * @param inputs files, folders, globs, `s3://bucket/prefix`, manifests of S3 Inventory, web addresses and `-`, or images from the program itself.
   * @throws {ImgclsError} of kind `usage` when the inputs have no image.
   */
  submit(inputs: readonly string[] | AsyncIterable<Input>, options: SubmitJob): Promise<Job>;
  /**
   * Stores one image, to be submitted later in a job: that of the id `forJob`, or any. Without an id its bytes stay until
   * they expire by age.
   * @throws {ImgclsError} that a retry cannot fix.
   */
  store(
    content: { sha256: string; body: Body },
    options?: WaitForOptions & { forJob?: string },
  ): Promise<StoredInput>;
  /** @throws {ImgclsError} of kind `usage` when there is no such job. */
  job(id: string, waiting?: WaitForOptions): Promise<Job>;
  /**
   * Resumes a job whose submitter ended before all images were announced. For any other job it only returns the handle.
   * Relative inputs are relative to the present folder.
   * @throws {ImgclsError} of kind `usage` when there is no such job, or when its images came from a program and are missing.
   */
  resume(id: string, options: ResumeJob): Promise<Job>;
  /**
   * Retries the images of a finished job that have an error. The handle yields only their outcomes.
   * @returns undefined if there are none.
   * @throws {ImgclsError} of kind `usage` when there is no such job, or it is not finished.
   */
  retry(id: string, options: RetryJob): Promise<Job | undefined>;
  /**
   * Classifies one image at once, ahead of all jobs. It does not start workers.
   * @throws {ImgclsError} of kind `transient` when no worker responds in time.
   */
  classify(image: InteractiveImage, options: ClassifyOptions): Promise<Outcome>;
  /** Deletes the response queue of `classify`. Jobs continue. */
  close(): Promise<void>;
}

export function createJobClient(tools: ClientOptions): Client {
  const interactive = new Interactive(tools);
  return {
    submit: (inputs, job) => submitJob(tools, inputs, job),
    store: (content, waiting = {}) =>
      putContent(content, { ...tools, ...waiting, input: withRetries(tools, waiting).input }),
    async job(id, waiting = {}) {
      const record = await findJob(tools, id, waiting);
      return jobHandle(tools, record, { submitted: Promise.resolve(record) });
    },
    resume: async (id, job) => await resumeJob(tools, await findJob(tools, id, job), job),
    retry: async (id, job) => await retryJob(tools, await findJob(tools, id, job), job),
    classify: (image, options) => interactive.classify(image, options),
    close: () => interactive.close(),
  };
}

async function findJob(tools: ClientOptions, id: string, waiting: WaitForOptions): Promise<JobRecord> {
  const missing = (cause?: unknown) => new JobMissingError(id, tools.cloud.cluster, cause);
  if (isDropJob(id)) throw notSubmitted(id);
  if (!jobId.safeParse(id).success) throw missing();
  try {
    return await readJob(withRetries(tools, waiting).output, id, waiting.signal);
  } catch (error) {
    throw error instanceof ObjectMissingError ? missing(error) : error;
  }
}

function notSubmitted(id: string): ImgclsError {
  const what = `${id} is a day of dropped images. It never finishes, and it cannot be`;
  return new ImgclsError('usage', `${what} resumed, retried or cancelled.`, {
    hint: `Run "imgcls results ${id}" for its outcomes so far. To retry an image, drop it again.`,
  });
}

/** The images of a job's named inputs. */
function walk(
  inputs: readonly string[],
  { readBucket, clock, random }: ClientOptions,
  {
    stdin,
    onSkip,
    onInventory,
    onEmptyList,
    onTransient,
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
    ...(onInventory && { onInventory }),
    ...(onEmptyList && { onEmptyList }),
    ...(onTransient && { onTransient }),
    clock,
    random,
    signal,
  });
}

async function submitJob(
  tools: ClientOptions,
  inputs: readonly string[] | AsyncIterable<Input>,
  options: SubmitJob,
): Promise<Job> {
  const { include = [], exclude = [], onSubmitProgress } = options;
  const stopping = stopper(options.signal);
  const { signal } = stopping;
  const named = Array.isArray(inputs) ? (inputs as readonly string[]) : undefined;
  const emptyInput = checkEmptyInput(options.onSkip);
  const walked =
    named === undefined
      ? (inputs as AsyncIterable<Input>)
      : walk(named, tools, { ...options, ...emptyInput, include, exclude }, signal);
  // Find the first image before writing anything: a mistyped folder must not leave a job behind.
  const images = walked[Symbol.asyncIterator]();
  // An abort must not wait for a slow source.
  const first = await unlessAborted(images.next(), options.signal);
  if (first.done === true) throw emptyInput.error(named);
  const job = newJob(tools, options, named ?? []);
  const { output } = withRetries(tools, { ...options, signal });
  // Before the record: a job never lacks its labels.
  if (options.words !== undefined) await output.put(wordsKey(job.id), options.words);
  await createJob(output, job, options.signal);
  const inOrder = chained(first.value, images);
  const submission = await startSubmission(tools, job, stopping, options, (announcing) => {
    const announcement = {
      ...tools,
      ...announcing,
      job,
      ...(onSubmitProgress && { onProgress: onSubmitProgress }),
    };
    return areInventories(job.inputs)
      ? shareImages(inOrder, announcement)
      : uploadImages(inOrder, { ...announcement, before: NOTHING_ANNOUNCED });
  });
  return jobHandle(tools, job, submission);
}

async function* chained<T>(first: T, rest: AsyncIterator<T>): AsyncGenerator<T> {
  yield first;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}

async function resumeJob(tools: ClientOptions, job: JobRecord, options: ResumeJob): Promise<Job> {
  if (job.state !== 'open') return jobHandle(tools, job, { submitted: Promise.resolve(job) });
  if (job.attempt > FIRST_ATTEMPT) return await resumeRetry(tools, job, options);
  const stopping = stopper(options.signal);
  const { onSubmitProgress } = options;
  const inputs = inputsOf(tools, job, options, stopping.signal);
  const submission = await startSubmission(tools, job, stopping, options, async (announcing) => {
    const { cloud, signal } = announcing;
    // Requests of the earlier submitter may be in the queue.
    announcing.onRequest();
    const announcement = {
      ...tools,
      ...announcing,
      job,
      ...(onSubmitProgress && { onProgress: onSubmitProgress }),
    };
    if (areInventories(job.inputs)) return await shareImages(inputs, announcement);
    const before = await announceRest(cloud, job, announcing);
    return await uploadImages(notIn(manifestOf(cloud.output, job, signal), inputs), {
      ...announcement,
      before,
    });
  });
  return jobHandle(tools, job, submission);
}

/**
 * Announces the images of inventories, together with other submitters. The images are read again for a share whose
 * submitter has ended.
 * @param images those that are announced first.
 */
function shareImages(
  images: AsyncIterable<Input>,
  options: ClientOptions & Omit<AnnounceSharesOptions, 'submitter'> & { signal: AbortSignal },
): Promise<JobRecord> {
  const { inputs, include, exclude } = options.job;
  const again = () => walk(inputs, options, { include, exclude, wait: false }, options.signal);
  const readings = [images];
  return announceShares(() => readings.pop() ?? again(), { ...options, submitter: options.newId() });
}

function inputsOf(
  tools: ClientOptions,
  job: JobRecord,
  options: ResumeJob,
  signal: AbortSignal,
): AsyncIterable<Input> {
  if (options.inputs !== undefined) return options.inputs;
  if (job.inputs.length > 0)
    return walk(job.inputs, tools, { ...options, include: job.include, exclude: job.exclude }, signal);
  throw new ImgclsError(
    'usage',
    `The images of job ${job.id} came from a program. Only that program can resume it.`,
    {
      hint: `Run "imgcls cancel ${job.id}" to cancel it.`,
    },
  );
}

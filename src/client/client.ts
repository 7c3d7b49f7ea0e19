import type { Readable } from 'node:stream';
import { unlessAborted } from '../core/abort.ts';
import type { Clock } from '../core/clock.ts';
import { ImgclsError, ObjectMissingError } from '../core/errors.ts';
import { type JobRecord, jobId } from '../core/job.ts';
import { cancelJob, createJob, readJob } from '../core/job-record.ts';
import { responseQueueName } from '../core/keys.ts';
import type { ModelRef } from '../core/model.ts';
import type { Outcome } from '../core/outcome.ts';
import type { Cloud, Queue, Store } from '../core/ports.ts';
import { FORMAT } from '../core/versioned.ts';
import { type FollowProgress, follow } from '../results/follow.ts';
import { readOutcomes } from '../results/ledger.ts';
import type { Input, Skipped } from '../upload/inputs.ts';
import { type SubmitProgress, submit } from '../upload/submit.ts';
import { walkInputs } from '../upload/walk.ts';

/** What sees to it that workers run while somebody waits; on AWS the cluster's own controller does. */
export interface Attendance {
  /** Aborts, with the reason, when workers cannot be kept running. */
  failed: AbortSignal;
  /** Ends it. `givenUp`: unfinished jobs that nobody waits for any more. */
  leave(givenUp: readonly string[]): Promise<void>;
}

export interface ClientOptions {
  cloud: Cloud;
  clock: Clock;
  random(): number;
  /** A new ULID. */
  newId(): string;
  /** A bucket that `s3://` inputs are read from in place. */
  readBucket(name: string): Store;
  attend(): Attendance;
  concurrency: number;
  maxImageBytes: number;
}

export interface SubmitJob {
  model: ModelRef;
  topK: number;
  include?: readonly string[];
  exclude?: readonly string[];
  /** For the input `-`. */
  stdin?: Readable;
  /** False: nobody waits, so no worker is started and no response is sent. */
  wait: boolean;
  onSkip?(skipped: Skipped): void;
  onSubmitProgress?(progress: SubmitProgress): void;
  signal?: AbortSignal;
}

export interface OutcomesOptions {
  onProgress?(progress: FollowProgress): void;
  /** Told of every fault of the world that is waited out. */
  onTransient?(error: unknown): void;
  signal?: AbortSignal;
}

/** One job, as programs use it. */
export interface Job {
  readonly id: string;
  /** The sealed record, once every image is stored and announced. */
  readonly submitted: Promise<JobRecord>;
  record(): Promise<JobRecord>;
  /** Waits for the job: every outcome in input order, each once. To be iterated once; leaving the loop ends the wait. */
  outcomes(options?: OutcomesOptions): AsyncGenerator<Outcome>;
  /** The outcomes that are there now, in input order, without waiting. */
  results(signal?: AbortSignal): AsyncGenerator<Outcome>;
  /** Final: images that have no outcome yet stay without. */
  cancel(): Promise<JobRecord>;
}

export interface Client {
  /**
   * Starts a job. Files, folders, globs, `s3://bucket/prefix` and `-`, or images from the program itself.
   * @throws {ImgclsError} of kind `usage` when there is no image among the inputs.
   */
  submit(inputs: readonly string[] | AsyncIterable<Input>, options: SubmitJob): Promise<Job>;
  /** @throws {ImgclsError} of kind `usage` when there is no such job. */
  job(id: string): Promise<Job>;
}

export function createClient(options: ClientOptions): Client {
  return {
    submit: (inputs, job) => submitJob(options, inputs, job),
    async job(id) {
      const record = await findJob(options.cloud, id);
      return jobHandle(options, record, { submitted: Promise.resolve(record) });
    },
  };
}

async function findJob(cloud: Cloud, id: string): Promise<JobRecord> {
  const unknown = (cause?: unknown) =>
    new ImgclsError('usage', `There is no job ${id} in cluster ${cloud.cluster}.`, {
      hint: 'A job id is the 26 letters and digits that "imgcls upload" prints.',
      cause,
    });
  if (!jobId.safeParse(id).success) throw unknown();
  try {
    return await readJob(cloud.output, id);
  } catch (error) {
    throw error instanceof ObjectMissingError ? unknown(error) : error;
  }
}

async function submitJob(
  options: ClientOptions,
  inputs: readonly string[] | AsyncIterable<Input>,
  { model, topK, include = [], exclude = [], ...given }: SubmitJob,
): Promise<Job> {
  const { cloud, clock } = options;
  // Ends the submission when nobody waits for its job any more, or when the job is cancelled.
  const stop = new AbortController();
  const signal = given.signal === undefined ? stop.signal : AbortSignal.any([given.signal, stop.signal]);
  const named = Array.isArray(inputs) ? (inputs as readonly string[]) : undefined;
  const walked =
    named === undefined
      ? (inputs as AsyncIterable<Input>)
      : walkInputs(named, {
          include,
          exclude,
          stdin: given.stdin ?? process.stdin,
          bucket: options.readBucket,
          onSkip: given.onSkip ?? (() => {}),
          signal,
        });
  // The first image is looked for before anything is written: a mistyped folder leaves no job behind.
  const images = walked[Symbol.asyncIterator]();
  // A source that gives nothing yet must not keep its caller from leaving.
  const first = await unlessAborted(images.next(), given.signal);
  if (first.done === true) {
    throw new ImgclsError('usage', `There is no image in ${named?.join(', ') ?? 'the inputs'}.`, {
      ...(include.length === 0 && {
        hint: `Files of a folder count by their ending; "--include '*'" takes all.`,
      }),
    });
  }
  const record: JobRecord = {
    v: FORMAT,
    id: options.newId(),
    state: 'open',
    createdAtMs: clock.nowMs(),
    inputs: [...(named ?? [])],
    include: [...include],
    exclude: [...exclude],
    topK,
    model,
  };
  await createJob(cloud.output, record, given.signal);
  const responses = given.wait
    ? await cloud.queues.create(responseQueueName(cloud.cluster, options.newId().toLowerCase()))
    : undefined;
  const sealed = new AbortController();
  const failed = new AbortController();
  const submitted = submit(resume(first.value, images), {
    cloud,
    job: record,
    concurrency: options.concurrency,
    maxImageBytes: options.maxImageBytes,
    clock,
    ...(responses && { replyTo: responses.name }),
    ...(given.onSubmitProgress && { onProgress: given.onSubmitProgress }),
    signal,
  });
  submitted.then(
    () => sealed.abort(),
    (error) => failed.abort(error),
  );
  return jobHandle(options, record, {
    submitted,
    sealed: sealed.signal,
    failed: failed.signal,
    stop: () => stop.abort(),
    ...(responses && { responses }),
  });
}

async function* resume<T>(first: T, rest: AsyncIterator<T>): AsyncGenerator<T> {
  yield first;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}

interface Submission {
  submitted: Promise<JobRecord>;
  sealed?: AbortSignal;
  failed?: AbortSignal;
  /** Ends it early. */
  stop?(): void;
  responses?: Queue;
}

function jobHandle(options: ClientOptions, { id }: JobRecord, submission: Submission): Job {
  const { cloud, clock, random } = options;
  const { submitted, sealed, failed, responses } = submission;
  async function* outcomes(waiting: OutcomesOptions = {}): AsyncGenerator<Outcome> {
    const attendance = options.attend();
    const signals = [waiting.signal, failed, attendance.failed].filter((signal) => signal !== undefined);
    let isFinished = false;
    try {
      yield* follow({
        cloud,
        jobId: id,
        clock,
        random,
        ...(responses && { responses }),
        ...(sealed && { sealed }),
        ...(waiting.onProgress && { onProgress: waiting.onProgress }),
        ...(waiting.onTransient && { onTransient: waiting.onTransient }),
        signal: AbortSignal.any(signals),
      });
      isFinished = true;
    } finally {
      submission.stop?.();
      await submitted.catch(() => {});
      await removeQueue(waiting);
      await attendance.leave(isFinished ? [] : [id]);
    }
  }
  /** One that cannot be removed now is swept later; the wait's own end counts more. */
  async function removeQueue(waiting: OutcomesOptions): Promise<void> {
    if (responses === undefined) return;
    await cloud.queues.remove(responses.name).catch((error) => waiting.onTransient?.(error));
  }
  return {
    id,
    submitted,
    record: () => readJob(cloud.output, id),
    outcomes,
    results: (signal) => readOutcomes(cloud.output, id, signal),
    cancel() {
      submission.stop?.();
      return cancelJob(cloud.output, id);
    },
  };
}

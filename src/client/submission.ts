import type { Cloud } from '../core/cloud/ports.ts';
import { retryingCloud } from '../core/cloud/retrying-cloud.ts';
import { FIRST_ATTEMPT, type JobRecord } from '../core/job/job.ts';
import { cancelJob, readJob } from '../core/job/job-record.ts';
import { responseQueueName } from '../core/job/keys.ts';
import type { Outcome } from '../core/model/outcome.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { awaitRetry } from '../results/await-retry.ts';
import { finishIfDone } from '../results/finish-if-done.ts';
import { type FollowProgress, follow } from '../results/follow.ts';
import { readOutcomes } from '../results/ledger.ts';

/** What sees to it that workers run while somebody waits; on AWS the cluster's own controller does. */
export interface ControllerSession {
  /** Aborts, with the reason, when workers cannot be kept running. */
  failed: AbortSignal;
  /** Ends it. `givenUp`: unfinished jobs that nobody waits for any more. */
  leave(givenUp: readonly string[]): Promise<void>;
}

/** Who leaves while the cloud does not answer waits no longer than this to leave it tidy. */
const PARTING_MS = 3000;

/** What a job's handle stands on. */
export interface JobTools {
  cloud: Cloud;
  clock: Clock;
  random(): number;
  /** A new ULID. */
  newId(): string;
  joinController(): ControllerSession;
}

/** How faults of the world are waited out. */
export interface WaitForOptions {
  /** Told of each of them. */
  onTransient?(error: unknown): void;
  signal?: AbortSignal;
}

export interface OutcomesOptions extends WaitForOptions {
  onProgress?(progress: FollowProgress): void;
}

/** One job, as programs use it. */
export interface Job {
  readonly id: string;
  /** The record, once every image is stored and announced. */
  readonly submitted: Promise<JobRecord>;
  /** As it is now; faults of the world are waited out where it is said how. */
  record(waiting?: WaitForOptions): Promise<JobRecord>;
  /** As `record`; a job whose images all have outcomes is ended first, should whoever waited for it have left before. */
  settled(waiting?: WaitForOptions): Promise<JobRecord>;
  /**
   * Waits for the job: every outcome in input order, each once; of a job that is tried again, those of the images that are.
   * To be iterated once; leaving the loop ends the wait.
   */
  outcomes(options?: OutcomesOptions): AsyncGenerator<Outcome>;
  /** The outcomes that are there now, in input order, without waiting. */
  results(signal?: AbortSignal): AsyncGenerator<Outcome>;
  /** Final: images that have no outcome yet stay without. */
  cancel(): Promise<JobRecord>;
}

/** Images that are being announced, perhaps all of them already. */
export interface Submission {
  submitted: Promise<JobRecord>;
  /** Aborts when all are announced. */
  sealed?: AbortSignal;
  /** Aborts, with the reason, when the announcement failed. */
  failed?: AbortSignal;
  /** Ends it early. */
  stop?(): void;
  /** The response queue, by name. */
  responses?: string;
}

export interface SubmissionOptions extends WaitForOptions {
  /** Nobody waits where this is false: no worker is started and no response is sent. */
  wait: boolean;
}

/** The cloud of somebody who waits faults out. */
export function withRetries(
  { cloud, clock, random }: Pick<JobTools, 'cloud' | 'clock' | 'random'>,
  { onTransient, signal }: WaitForOptions,
): Cloud {
  return retryingCloud(cloud, {
    clock,
    random,
    ...(signal && { signal }),
    ...(onTransient && { onRetry: onTransient }),
  });
}

/** What announces images needs: a cloud that waits faults out, whom to answer, and when to stop. */
export interface Announcing {
  cloud: Cloud;
  replyTo?: string;
  signal: AbortSignal;
}

/** The signal of a submission: that of its caller, or its own end. */
export function stopper(signal: AbortSignal | undefined): { stop(): void; signal: AbortSignal } {
  const own = new AbortController();
  const either = signal === undefined ? own.signal : AbortSignal.any([signal, own.signal]);
  return { stop: () => own.abort(), signal: either };
}

/** Begins to announce the images of a job, beside whatever its caller does next. */
export async function startSubmission(
  tools: JobTools,
  { stop, signal }: ReturnType<typeof stopper>,
  { wait, ...waiting }: SubmissionOptions,
  announce: (announcing: Announcing) => Promise<JobRecord>,
): Promise<Submission> {
  const cloud = withRetries(tools, { ...waiting, signal });
  const name = responseQueueName(cloud.cluster, tools.newId().toLowerCase());
  const responses = wait ? await cloud.queues.create(name) : undefined;
  const sealed = new AbortController();
  const failed = new AbortController();
  const submitted = announce({ cloud, signal, ...(responses && { replyTo: responses.name }) });
  submitted.then(
    () => sealed.abort(),
    (error) => failed.abort(error),
  );
  return {
    submitted,
    sealed: sealed.signal,
    failed: failed.signal,
    stop,
    ...(responses && { responses: responses.name }),
  };
}

/** @param shown the attempts whose outcomes are given out; all where it is left out. */
export function jobHandle(
  tools: JobTools,
  { id }: JobRecord,
  submission: Submission,
  shown?: readonly number[],
): Job {
  const { cloud: plain, clock } = tools;
  const record = (waiting?: WaitForOptions) =>
    readJob((waiting === undefined ? plain : withRetries(tools, waiting)).output, id, waiting?.signal);
  async function* outcomes({
    signal,
    onProgress,
    onTransient,
  }: OutcomesOptions = {}): AsyncGenerator<Outcome> {
    const attendance = tools.joinController();
    const ends = [signal, submission.failed, attendance.failed].filter((each) => each !== undefined);
    const end = AbortSignal.any(ends);
    const cloud = withRetries(tools, { signal: end, ...(onTransient && { onTransient }) });
    const { sealed, responses } = submission;
    let isFinished = false;
    try {
      yield* awaitOutcomes(
        {
          cloud,
          jobId: id,
          clock,
          signal: end,
          ...(responses && { responses: cloud.queues.open(responses) }),
          ...(sealed && { sealed }),
          ...(onProgress && { onProgress }),
        },
        shown,
      );
      isFinished = true;
    } finally {
      submission.stop?.();
      await submission.submitted.catch(() => {});
      await Promise.all([
        // One that cannot be removed now is swept later; the wait's own end counts more.
        responses && plain.queues.remove(responses, AbortSignal.timeout(PARTING_MS)).catch(() => {}),
        // What ended the wait says more than what that brought with it, a full disk say; workers end without a controller.
        isFinished ? attendance.leave([]) : attendance.leave([id]).catch(() => {}),
      ]);
    }
  }
  return {
    id,
    submitted: submission.submitted,
    record,
    async settled(waiting) {
      const job = await record(waiting);
      return await finishIfDone(plain.output, job, { nowMs: clock.nowMs(), signal: waiting?.signal });
    },
    outcomes,
    results: (signal) => readOutcomes(plain.output, id, { signal, ...(shown && { attempts: shown }) }),
    cancel() {
      submission.stop?.();
      return cancelJob(plain.output, id);
    },
  };
}

/** The first attempt's outcomes are given out as they come; those of a later one when all of them are there. */
async function* awaitOutcomes(
  options: Parameters<typeof follow>[0],
  attempts: readonly number[] | undefined,
): AsyncGenerator<Outcome> {
  const { cloud, jobId, signal } = options;
  const { attempt } = await readJob(cloud.output, jobId, signal);
  if (attempt === FIRST_ATTEMPT) return yield* follow(options);
  await awaitRetry(options);
  yield* readOutcomes(cloud.output, jobId, { signal, ...(attempts && { attempts }) });
}

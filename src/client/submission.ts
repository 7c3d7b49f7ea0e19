import type { ClassifiedBy, Cloud } from '../core/cloud/ports.ts';
import { retryingCloud } from '../core/cloud/retrying-cloud.ts';
import { FIRST_ATTEMPT, type JobRecord } from '../core/job/job.ts';
import { cancelJob, claimJob, isDeleted, readJob, removeJob } from '../core/job/job-record.ts';
import { responseQueueName } from '../core/job/keys.ts';
import { ResponseAddress } from '../core/job/responses.ts';
import type { ModelRef } from '../core/model/model.ts';
import type { Outcome } from '../core/model/outcome.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { awaitRetry } from '../results/await-retry.ts';
import { finishIfDone } from '../results/finish-if-done.ts';
import { follow } from '../results/follow.ts';
import { readOutcomes } from '../results/ledger.ts';
import { type ControllerSession, joinWhenNeeded } from './controller-session.ts';
import type { Job, OutcomesOptions, SubmissionOptions, WaitForOptions } from './job.ts';

/** Time limit for what is cleaned up at the end of a wait: an interrupted command ends soon, also if the cloud is down. */
const CLEANUP_TIMEOUT_MS = 3000;

/** Dependencies of a job's handle. */
export interface JobTools {
  cloud: Cloud;
  clock: Clock;
  random(): number;
  /** A new ULID. */
  newId(): string;
  joinController(): ControllerSession;
  /** Called when requests are about to be sent, possibly often. Absent: a controller that runs all the time sees them. */
  wakeController?(): void;
  /** The digest of a model's classifier (see {@link ClassifiedBy}). Undefined if it is not known here: then no image is. */
  classifierOf?(model: ModelRef): Promise<string | undefined>;
}

/** The announcement of a job's images, in progress or complete. */
export interface Submission {
  submitted: Promise<JobRecord>;
  /** Aborts when all images are announced. */
  sealed?: AbortSignal;
  /** Aborts, with the reason, when the announcement failed. */
  failed?: AbortSignal;
  /** Aborts before the first request is sent. Absent if there will be requests in any case. */
  requested?: AbortSignal;
  /** Stops it early. */
  stop?(): void;
  /** Absent if there is no waiter. */
  responses?: ResponseAddress;
}

/** The cloud with retries of transient errors. */
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

/** Dependencies of an announcement. */
export interface Announcing {
  /** With retries. */
  cloud: Cloud;
  /** Absent if there is no waiter. */
  responses?: ResponseAddress;
  /** Absent: no image counts as known. */
  by?: ClassifiedBy;
  /** As the caller gave them. */
  allowUrls?: readonly string[];
  onRequest(): void;
  onTransient?: NonNullable<WaitForOptions['onTransient']>;
  signal: AbortSignal;
}

/** The signal of a submission: aborts with the caller's signal, or by `stop`. */
export function stopper(signal: AbortSignal | undefined): { stop(): void; signal: AbortSignal } {
  const own = new AbortController();
  const either = signal === undefined ? own.signal : AbortSignal.any([signal, own.signal]);
  return { stop: () => own.abort(), signal: either };
}

/**
 * Starts to announce the images of a job, in the background. If the job is deleted meanwhile, what was written since then
 * is deleted too. Never rejects: as the job exists, its handle says how to go on with it, also after an abort.
 */
export async function startSubmission(
  tools: JobTools,
  job: JobRecord,
  { stop, signal }: ReturnType<typeof stopper>,
  { wait, ...waiting }: SubmissionOptions,
  announce: (announcing: Announcing) => Promise<JobRecord>,
): Promise<Submission> {
  const cloud = withRetries(tools, { ...waiting, signal });
  const sealed = new AbortController();
  const failed = new AbortController();
  const requested = new AbortController();
  const { onTransient, allowUrls } = waiting;
  const prepared = await prepare(tools, { cloud, signal }, job, wait).catch((error: unknown) => ({ error }));
  const announced =
    'error' in prepared
      ? Promise.reject(prepared.error)
      : announce({
          cloud,
          signal,
          onRequest() {
            requested.abort();
            tools.wakeController?.();
          },
          ...prepared,
          ...(allowUrls && { allowUrls }),
          ...(onTransient && { onTransient }),
        });
  // A failure must not hide that of the announcement. "imgcls gc" deletes what is left.
  const submitted = announced.finally(() => removeIfDeleted(tools.cloud, job.id).catch(() => {}));
  submitted.then(
    () => sealed.abort(),
    (error) => failed.abort(error),
  );
  const mayRequestNothing = 'error' in prepared || prepared.by !== undefined;
  return {
    submitted,
    sealed: sealed.signal,
    failed: failed.signal,
    ...(mayRequestNothing && { requested: requested.signal }),
    stop,
    ...('responses' in prepared && { responses: prepared.responses }),
  };
}

/** Makes this process the submitter of the job, creates the response queue, and finds out whether images may be known. */
async function prepare(
  tools: JobTools,
  { cloud, signal }: Pick<Announcing, 'cloud' | 'signal'>,
  job: JobRecord,
  wait: boolean,
): Promise<Pick<Announcing, 'responses' | 'by'>> {
  const own = cloud.processes?.own;
  if (own !== undefined && job.submitter !== own) await claimJob(cloud.output, job.id, own);
  const name = responseQueueName(cloud.cluster, tools.newId().toLowerCase());
  const responses = wait ? await cloud.queues.create(name) : undefined;
  const by = await classifiedBy(tools, { cloud, signal }, job);
  return { ...(responses && { responses: new ResponseAddress(responses.name) }), ...(by && { by }) };
}

/** How images must have been classified to be known to the job. Undefined if none can be. */
export async function classifiedBy(
  { classifierOf }: Pick<JobTools, 'classifierOf'>,
  { cloud: { known }, signal }: { cloud: Pick<Cloud, 'known'>; signal?: AbortSignal },
  { fresh, model, topK }: Pick<JobRecord, 'fresh' | 'model' | 'topK'>,
): Promise<ClassifiedBy | undefined> {
  if (fresh === true || known === undefined) return undefined;
  const classifier = await classifierOf?.(model);
  if (classifier === undefined) return undefined;
  const by = { classifier, topK };
  return (await known.hasAny(by, signal)) ? by : undefined;
}

async function removeIfDeleted(cloud: Cloud, job: string): Promise<void> {
  if (await isDeleted(cloud.output, job, AbortSignal.timeout(CLEANUP_TIMEOUT_MS)))
    await removeJob(cloud, job);
}

/** @param shown the attempts whose outcomes are yielded; default: all. */
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
    const session = joinWhenNeeded(() => tools.joinController(), submission.requested);
    const ends = [signal, submission.failed, session.failed].filter((each) => each !== undefined);
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
          ...(responses && {
            responses: cloud.queues.open(responses.queue),
            exhausted: responses.exhausted,
          }),
          ...(sealed && { sealed }),
          ...(onProgress && { onProgress }),
        },
        shown,
      );
      isFinished = true;
    } finally {
      submission.stop?.();
      const ended = submission.submitted.catch(() => {});
      await Promise.all([
        // If this fails, the controller sweeps the queue later. It must not hide the result of the wait.
        responses &&
          plain.queues.remove(responses.queue, AbortSignal.timeout(CLEANUP_TIMEOUT_MS)).catch(() => {}),
        // An error of the session must not hide the original one. Workers without a controller end by themselves.
        ended.then(() => (isFinished ? session.leave([]) : session.leave([id]).catch(() => {}))),
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

/** Yields outcomes of the first attempt as they are written, and those of a retry when it is complete. */
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

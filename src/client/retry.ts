import type { Store } from '../core/cloud/ports.ts';
import type { JobRecord } from '../core/job/job.ts';
import { reopenJob } from '../core/job/job-record.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import { readFailures } from '../results/failures.ts';
import { announceRest, lastAnnounced } from '../upload/resume.ts';
import { NOTHING_ANNOUNCED, type StoringOptions, uploadJobImages } from '../upload/submit.ts';
import type { Job, SubmissionOptions } from './job.ts';
import { imagesToRetry } from './retry-images.ts';
import {
  type Announcing,
  type JobTools,
  jobHandle,
  startSubmission,
  stopper,
  withRetries,
} from './submission.ts';

export interface RetryJobTools extends JobTools, StoringOptions {
  readBucket(name: string): Store;
}

/** How failed images are retried. */
export interface RetryJob extends SubmissionOptions {
  /** Which of the failed images to retry; default: all. */
  isWanted?(index: number): boolean;
}

/** Opens a finished job for its next attempt and announces its failed images. Undefined if there are none to retry. */
export async function retryJob(
  tools: RetryJobTools,
  job: JobRecord,
  options: RetryJob,
): Promise<Job | undefined> {
  if (job.state !== 'finished') throw notFinished(job);
  const { isWanted = () => true } = options;
  const stopping = stopper(options.signal);
  const { output } = withRetries(tools, { ...options, signal: stopping.signal });
  if (!(await hasFailures(output, job, isWanted))) return undefined;
  const opened = await reopenJob(output, job);
  if (opened.state !== 'open' || opened.attempt !== job.attempt + 1) throw notFinished(opened);
  const submission = await startSubmission(tools, opened, stopping, options, (announcing) =>
    uploadJobImages(imagesToRetry(opened, imageOptions(tools, announcing, isWanted)), {
      ...tools,
      ...announcing,
      job: opened,
      before: NOTHING_ANNOUNCED,
    }),
  );
  return jobHandle(tools, opened, submission, [opened.attempt]);
}

/** Resumes a retry whose submitter ended before all images were announced. */
export async function resumeRetry(
  tools: RetryJobTools,
  job: JobRecord,
  options: SubmissionOptions,
): Promise<Job> {
  const submission = await startSubmission(
    tools,
    job,
    stopper(options.signal),
    options,
    async (announcing) => {
      // Requests of the earlier submitter may be in the queue.
      announcing.onRequest();
      const last = await lastAnnounced(announcing.cloud.output, job, announcing.signal);
      const before = await announceRest(announcing.cloud, job, announcing);
      const images = imagesToRetry(
        job,
        imageOptions(tools, announcing, (index) => index > last),
      );
      return await uploadJobImages(images, { ...tools, ...announcing, job, before });
    },
  );
  return jobHandle(tools, job, submission, [job.attempt]);
}

const imageOptions = (
  { readBucket }: RetryJobTools,
  { cloud: { output }, signal }: Announcing,
  isWanted: (index: number) => boolean,
) => ({ readBucket, output, signal, isWanted });

async function hasFailures(
  output: Store,
  { id, attempt }: JobRecord,
  isWanted: (index: number) => boolean,
): Promise<boolean> {
  for await (const index of readFailures(output, id, attempt + 1)) if (isWanted(index)) return true;
  return false;
}

function notFinished({ id, state }: JobRecord): ImgclsError {
  const hint =
    state === 'cancelled'
      ? 'A cancelled job cannot be retried. Upload its images again.'
      : `Run "imgcls resume ${id}" to finish it first.`;
  return new ImgclsError('usage', `Job ${id} is ${state}; only a finished job can be retried.`, { hint });
}

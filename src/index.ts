/// <reference types="node" preserve="true" />
/**
 * The library: a client of a cluster, which is the embedded cloud of this machine or one on AWS.
 *
 * Everything that this module exports follows semantic versioning: a minor version may add methods, options, fields of
 * results and error codes; only a major version removes or changes them.
 *
 * @module imgcls
 */

import { environmentTrace } from './app/environment-trace.ts';
import { withWords } from './app/job-words.ts';
import { INTERACTIVE_RETENTION_MS, joinController, openClient, openCloud } from './app/open-cloud.ts';
import { openClusterModels, selectJobModel } from './app/select-job-model.ts';
import { loadClientSettings } from './app/settings.ts';
import { systemClock } from './app/system-clock.ts';
import { openWordsMaker } from './app/words-process.ts';
import { RenewedSession } from './client/controller-session.ts';
import { listJobs } from './client/list-jobs.ts';
import type { ClientSettings, ImgclsClient } from './imgcls-client.ts';

export type { ResumeJob } from './client/client.ts';
export type {
  FollowProgress,
  Job,
  OutcomesOptions,
  SubmissionOptions,
  WaitForOptions,
} from './client/job.ts';
export type { JobLimits } from './client/job-limits.ts';
export type { ListedJob, UnknownJob } from './client/list-jobs.ts';
export type { ReadingOptions, SubmitJob } from './client/new-job.ts';
export type { RetryJob } from './client/retry.ts';
export type { JobRecord } from './core/job/job.ts';
export type { ModelRef } from './core/model/model.ts';
export type {
  ErrorCode,
  ImageError,
  Outcome,
  PredictionWarning,
  ScoredCategory,
  ScoredLabel,
} from './core/model/outcome.ts';
export { type ErrorKind, ImgclsError } from './core/runtime/errors.ts';
export type { Settings } from './core/settings/settings.ts';
export type { ClassifyImageOptions, ClientSettings, ImgclsClient, SubmitOptions } from './imgcls-client.ts';
export type { SubmitProgress } from './upload/announce.ts';
export type { InventoryInfo } from './upload/bucket/inventory.ts';
export type { Input, Skipped } from './upload/inputs.ts';

/**
 * Opens a client of a cluster: the embedded cloud of this machine, or AWS, by the settings.
 *
 * @throws {ImgclsError} of kind `config` if a setting is wrong; the message lists every problem.
 *
 * @example
 * ```ts
 * import { createClient, ImgclsError } from 'imgcls';
 *
 * try {
 *   await using client = await createClient({ cluster: 'holidays' });
 *   const job = await client.submit(['photos'], { signal: AbortSignal.timeout(600_000) });
 *   for await (const outcome of job.outcomes({ onProgress: ({ done, total }) => console.log(done, total) }))
 *     console.log(outcome.name);
 * } catch (error) {
 *   if (!(error instanceof ImgclsError)) throw error;
 *   console.error(error.message, error.hint ?? '');
 * }
 * ```
 */
export async function createClient(values: ClientSettings = {}): Promise<ImgclsClient> {
  const { settings } = loadClientSettings({ ...values });
  const cloud = await openCloud(settings);
  const clusterModels = openClusterModels(cloud);
  const notice = (text: string) => process.emitWarning(text, 'ImgclsWarning');
  const client = openClient(cloud, settings, notice);
  /** Begins with the first image that is classified without a job. */
  const workers = new RenewedSession(() => joinController(cloud, settings, notice));
  const makeWords = openWordsMaker();
  const withModel = async (labels: readonly string[] | undefined) =>
    await withWords(await selectJobModel(settings, clusterModels), labels, settings, makeWords);

  async function close(): Promise<void> {
    try {
      await Promise.all([client.close(), workers.leave()]);
    } finally {
      await cloud.close();
    }
  }
  return {
    settings,
    async submit(inputs, { topK = settings.topK, wait = true, labels, ...options } = {}) {
      const model = await withModel(labels);
      return await client.submit(inputs, {
        ...environmentTrace(process.env),
        ...options,
        ...model,
        topK,
        wait,
      });
    },
    async classify(image, options = {}) {
      const {
        name = '',
        topK = settings.topK,
        timeoutMs = INTERACTIVE_RETENTION_MS,
        labels,
        signal,
      } = options;
      const model = await withModel(labels);
      const { failed } = await workers.join();
      const ends = signal === undefined ? [failed] : [failed, signal];
      const request = { ...environmentTrace(process.env), ...model, topK, timeoutMs };
      return await client.classify({ name, bytes: image }, { ...request, signal: AbortSignal.any(ends) });
    },
    jobs: (options = {}) => listJobs(cloud, { ...options, nowMs: systemClock.nowMs() }),
    job: (id) => client.job(id),
    resume: (id, options) => client.resume(id, { wait: true, ...options }),
    retry: (id, options) => client.retry(id, { wait: true, ...options }),
    close,
    [Symbol.asyncDispose]: close,
  };
}

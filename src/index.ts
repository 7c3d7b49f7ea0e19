/// <reference types="node" preserve="true" />
// The library: the exports of the package.

import { environmentTrace } from './app/environment-trace.ts';
import { withWords } from './app/job-words.ts';
import { openClient, openCloud } from './app/open-cloud.ts';
import { openClusterModels, selectJobModel } from './app/select-job-model.ts';
import { loadSettings } from './app/settings.ts';
import type { ResumeJob, SubmitJob } from './client/client.ts';
import type { RetryJob } from './client/retry.ts';
import type { Job } from './client/submission.ts';
import type { SettingName, Settings } from './core/settings/settings.ts';
import type { Input } from './upload/inputs.ts';

export type { Job, OutcomesOptions } from './client/submission.ts';
export type {
  ErrorCode,
  ImageError,
  Outcome,
  PredictionWarning,
  ScoredCategory,
  ScoredLabel,
} from './core/model/outcome.ts';
export { ImgclsError } from './core/runtime/errors.ts';
export type { Input, Skipped } from './upload/inputs.ts';

/** Settings by name, as `imgcls config` lists them. Others come from the environment, config files or defaults. */
export type ClientSettings = Partial<Record<SettingName, unknown>>;

/** Options of a job. The model is a setting of the client. */
export type SubmitOptions = Omit<Partial<SubmitJob>, 'model' | 'words'> & {
  /** To choose from, for a model without labels of its own (CLIP, SigLIP). */
  labels?: readonly string[];
};

export interface ImgclsClient {
  /** The settings in effect. */
  readonly settings: Settings;
  /**
   * Starts a job on files, folders, globs, `s3://bucket/prefix`, or images from the program itself.
   * With `wait` (the default) iterate over its outcomes: that keeps workers running.
   */
  submit(inputs: readonly string[] | AsyncIterable<Input>, options?: SubmitOptions): Promise<Job>;
  /** An existing job. */
  job(id: string): Promise<Job>;
  /** Resumes a job whose submitter ended before all images were announced. */
  resume(id: string, options?: Partial<ResumeJob>): Promise<Job>;
  /** Retries the failed images of a finished job. Undefined if there are none. */
  retry(id: string, options?: Partial<RetryJob>): Promise<Job | undefined>;
  close(): Promise<void>;
}

/**
 * Opens a client of a cluster: the embedded cloud of this machine, or AWS, by the settings.
 *
 *     const client = await createClient({ model: 'resnet50' });
 *     const job = await client.submit(['photos']);
 *     for await (const outcome of job.outcomes()) console.log(outcome);
 *     await client.close();
 *
 * @throws {ImgclsError} of kind `config` when the settings are wrong.
 */
export async function createClient(values: ClientSettings = {}): Promise<ImgclsClient> {
  const { settings } = loadSettings(values);
  const cloud = await openCloud(settings);
  const clusterModels = openClusterModels(cloud);
  const client = openClient(cloud, settings, (text) => process.emitWarning(text, 'ImgclsWarning'));
  return {
    settings,
    async submit(inputs, { topK = settings.topK, wait = true, labels, ...options } = {}) {
      const chosen = await selectJobModel(settings, clusterModels);
      return await client.submit(inputs, {
        ...environmentTrace(process.env),
        ...options,
        ...(await withWords(chosen, labels, settings)),
        topK,
        wait,
      });
    },
    job: (id) => client.job(id),
    resume: (id, options) => client.resume(id, { wait: true, ...options }),
    retry: (id, options) => client.retry(id, { wait: true, ...options }),
    async close() {
      try {
        await client.close();
      } finally {
        await cloud.close();
      }
    },
  };
}

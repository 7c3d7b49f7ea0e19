/** What a program has of a client: its settings, its options and its methods. Types only; src/index.ts makes one. */

import type { ResumeJob } from './client/client.ts';
import type { Job } from './client/job.ts';
import type { ListedJob, UnknownJob } from './client/list-jobs.ts';
import type { SubmitJob } from './client/new-job.ts';
import type { RetryJob } from './client/retry.ts';
import type { Outcome } from './core/model/outcome.ts';
import type { Settings } from './core/settings/settings.ts';
import type { Input } from './upload/inputs.ts';

/**
 * Settings of a client. Those that are absent come from the environment (`IMGCLS_MODEL`), a file `imgcls.config.json`, or
 * their defaults, as for a command. All other settings are allowed as well, by the names that `imgcls config` lists.
 *
 * @example
 * ```ts
 * import { type ClientSettings, createClient } from 'imgcls';
 *
 * const settings: ClientSettings = { model: 'efficientnet-lite0', topK: 1, concurrency: 4 };
 * const client = await createClient(settings);
 * console.log(client.settings.dataDir);
 * await client.close();
 * ```
 */
export interface ClientSettings extends Partial<Settings> {
  /** Where the cluster runs. Default: `local`, this machine. */
  cloud?: 'local' | 'aws';
  /** Name of the cluster. Default: `default`. */
  cluster?: string;
  /** Folder of the embedded cloud and of downloaded models. Default: that of the user's data, as for the command. */
  dataDir?: string;
  /** S3 bucket of image bytes. Required if `cloud` is `aws`. */
  inputBucket?: string;
  /** S3 bucket of jobs and results. Required if `cloud` is `aws`. */
  outputBucket?: string;
  /** Name of the model of jobs. Default: on one machine the bundled one; on AWS it is required. */
  model?: string;
  /** Precision of its weights. Default: `auto`, by the features of the CPU. */
  modelVariant?: 'auto' | 'fp32' | 'int8';
  /** Labels per image, 1 to 100. Default: 5. */
  topK?: number;
  /** Files that are read and stored at the same time, 1 to 256. Default: 16. */
  concurrency?: number;
  /** How jobs on one machine read its files. Default: `in-place`; with `copy` they may be moved once they are submitted. */
  localFiles?: 'in-place' | 'copy';
  /** Maximum size of an image, in bytes. Default: 67,108,864 (64 MiB). */
  maxImageBytes?: number;
}

/**
 * Options of {@link ImgclsClient.submit}. The model is a setting of the client.
 *
 * @example
 * ```ts
 * import { createClient, type InventoryInfo, type SubmitOptions } from 'imgcls';
 *
 * const options: SubmitOptions = {
 *   include: ['*.jpg'],
 *   onInventory: ({ createdAtMs }: InventoryInfo) => console.log('As of', new Date(createdAtMs).toISOString()),
 *   onSkip: ({ source, reason }) => console.warn(`${source}: ${reason}`),
 * };
 * const client = await createClient();
 * const job = await client.submit(['photos'], options);
 * console.log((await job.submitted).total, 'images');
 * for await (const outcome of job.outcomes()) console.log(outcome.name);
 * await client.close();
 * ```
 */
export interface SubmitOptions extends Partial<Omit<SubmitJob, 'model' | 'words'>> {
  /** Labels per image, 1 to 100. Default: the setting `topK`. */
  topK?: number;
  /** Whether {@link Job.outcomes} will be iterated. Default: true. With false no worker is started for the job. */
  wait?: boolean;
  /** To choose from, 1 to 1,000, for a model without labels of its own (CLIP, SigLIP). */
  labels?: readonly string[];
}

/** Options of {@link ImgclsClient.classify}. */
export interface ClassifyImageOptions {
  /** Name of the image in its outcome. Default: an empty one. */
  name?: string;
  /** Labels, 1 to 100. Default: the setting `topK`. */
  topK?: number;
  /** To choose from, 1 to 1,000, for a model without labels of its own (CLIP, SigLIP). */
  labels?: readonly string[];
  /** How long to wait for the outcome, in milliseconds. Default: 60,000, the longest that a worker sees the request. */
  timeoutMs?: number;
  /** Aborts the wait. */
  signal?: AbortSignal;
}

/** A client of a cluster, made by {@link createClient}. */
export interface ImgclsClient extends AsyncDisposable {
  /** The settings in effect. */
  readonly settings: Settings;
  /**
   * Starts a job and returns its handle as soon as the first image is found. Iterate over its outcomes: on one machine that
   * keeps workers running.
   *
   * @param inputs files, folders, globs and `s3://bucket/prefix`, or images from the program itself.
   * @throws {ImgclsError} of kind `usage` if the inputs have no image or an option is wrong, of kind `config` if the
   * model is not installed. Failures of single images are outcomes.
   *
   * @example
   * A folder:
   * ```ts
   * import { createClient } from 'imgcls';
   *
   * const client = await createClient({ topK: 3 });
   * const job = await client.submit(['photos']);
   * for await (const outcome of job.outcomes())
   *   console.log(outcome.name, 'labels' in outcome ? outcome.labels[0]?.label : outcome.error.message);
   * await client.close();
   * ```
   *
   * @example
   * Images that the program has in memory:
   * ```ts
   * import { readFile } from 'node:fs/promises';
   * import { createClient, type Input } from 'imgcls';
   *
   * async function* images(): AsyncGenerator<Input> {
   *   yield { kind: 'bytes', name: 'a cat', source: 'camera 1', bytes: await readFile('photos/cat.jpg') };
   * }
   * const client = await createClient();
   * const job = await client.submit(images());
   * for await (const outcome of job.outcomes()) console.log(outcome);
   * await client.close();
   * ```
   */
  submit(inputs: readonly string[] | AsyncIterable<Input>, options?: SubmitOptions): Promise<Job>;
  /**
   * Classifies one image at once, without a job: ahead of all jobs, and nothing is kept. On one machine the first call starts
   * a worker, which takes a second or two; it runs until `close`.
   *
   * @returns the outcome: labels, or an error that says what is wrong with the image.
   * @throws {ImgclsError} of kind `transient` if no worker answers in time.
   *
   * @example
   * ```ts
   * import { readFile } from 'node:fs/promises';
   * import { type ClassifyImageOptions, createClient } from 'imgcls';
   *
   * const options: ClassifyImageOptions = { topK: 1, timeoutMs: 30_000 };
   * await using client = await createClient();
   * const outcome = await client.classify(await readFile('photos/cat.jpg'), options);
   * console.log('labels' in outcome ? outcome.labels[0] : outcome.error);
   * ```
   */
  classify(image: Uint8Array, options?: ClassifyImageOptions): Promise<Outcome>;
  /**
   * The jobs of the cluster, newest first, with their progress. They are read as they are iterated: leave the loop when you
   * have seen enough.
   *
   * @example
   * ```ts
   * import { createClient } from 'imgcls';
   *
   * await using client = await createClient();
   * for await (const job of client.jobs()) {
   *   console.log(job.id, 'unknown' in job ? job.unknown : `${job.done} of ${job.total ?? '?'}`);
   *   if ('state' in job && job.state === 'finished') break;
   * }
   * ```
   */
  jobs(options?: { signal?: AbortSignal }): AsyncGenerator<ListedJob | UnknownJob, void>;
  /**
   * An existing job.
   *
   * @throws {ImgclsError} of kind `usage` if there is no such job.
   *
   * @example
   * ```ts
   * import { createClient } from 'imgcls';
   *
   * await using client = await createClient();
   * const submitted = await client.submit(['photos'], { wait: false });
   * await submitted.submitted;
   * // Perhaps in another process:
   * const job = await client.job(submitted.id);
   * for await (const outcome of job.outcomes()) console.log(outcome.name);
   * ```
   */
  job(id: string): Promise<Job>;
  /**
   * Resumes a job whose submitter ended before all images were announced. For any other job it returns the handle.
   *
   * @throws {ImgclsError} of kind `usage` if there is no such job, or its images came from a program and `inputs` is
   * missing.
   *
   * @example
   * ```ts
   * import { createClient, type ResumeJob } from 'imgcls';
   *
   * const options: Partial<ResumeJob> = { onSkip: ({ source, reason }) => console.warn(source, reason) };
   * await using client = await createClient();
   * const { id } = await client.submit(['photos']);
   * const job = await client.resume(id, options);
   * for await (const outcome of job.outcomes()) console.log(outcome.name);
   * ```
   */
  resume(id: string, options?: Partial<ResumeJob>): Promise<Job>;
  /**
   * Retries the failed images of a finished job, from their files as they are now. The handle yields only their outcomes.
   *
   * @returns undefined if no image failed.
   * @throws {ImgclsError} of kind `usage` if there is no such job, or it is not finished.
   *
   * @example
   * ```ts
   * import { createClient } from 'imgcls';
   *
   * await using client = await createClient();
   * const job = await client.submit(['photos']);
   * for await (const outcome of job.outcomes()) if ('error' in outcome) console.log(outcome.error.code);
   * const again = await client.retry(job.id);
   * console.log(again === undefined ? 'No image failed.' : 'Retrying.');
   * ```
   */
  retry(id: string, options?: Partial<RetryJob>): Promise<Job | undefined>;
  /** Closes the client. Jobs continue where workers run. `await using` calls it, too. */
  close(): Promise<void>;
}

import type { Readable } from 'node:stream';
import { FIRST_ATTEMPT, JOB_FORMAT, type JobRecord, WORDS_JOB_FORMAT } from '../core/job/job.ts';
import { traceId, traceOf } from '../core/job/trace.ts';
import type { ModelRef } from '../core/model/model.ts';
import { isWebAddress } from '../core/network/web-address.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import { FORMAT } from '../core/runtime/versioned.ts';
import type { SubmitProgress } from '../upload/announce.ts';
import { type InventoryInfo, isInventory } from '../upload/bucket/inventory.ts';
import type { Skipped } from '../upload/inputs.ts';
import type { SubmissionOptions } from './job.ts';
import { checkLimits, type JobLimits } from './job-limits.ts';
import type { JobTools } from './submission.ts';

export interface NewJobTools extends Pick<JobTools, 'clock' | 'newId' | 'cloud'> {
  /** How new jobs read files of this machine; default: from copies. */
  localFiles?: JobRecord['localFiles'];
}

/** How images are read and announced. */
export interface ReadingOptions extends SubmissionOptions {
  /** For the input `-`, a list of paths. Default: standard input. */
  stdin?: Readable;
  /** Called with each input that is skipped, and why. */
  onSkip?(skipped: Skipped): void;
  /** Called with each S3 Inventory among the inputs, before its objects are read. */
  onInventory?(inventory: InventoryInfo): void;
  /** Called as images are stored and announced. */
  onSubmitProgress?(progress: SubmitProgress): void;
}

/** A new job. */
export interface SubmitJob extends ReadingOptions, JobLimits {
  /** A ULID of the caller; default: a new one. */
  id?: string;
  /** Trace id of the caller, 32 hex digits; default: a new trace. */
  trace?: string;
  model: ModelRef;
  /** The labels of the job, whose sha256 is in `model`. */
  words?: Uint8Array;
  /** Labels per image, 1 to 100. */
  topK: number;
  /** Classify known images, too. Their new outcomes are the known ones afterwards. Default: false. */
  fresh?: boolean;
  /** Globs of files to take. Default: files with an image's ending. */
  include?: readonly string[];
  /** Globs of files to skip. Default: none. */
  exclude?: readonly string[];
  /** Folder that relative inputs are relative to, recorded for a resume. */
  folder?: string;
}

/** The record of a new job. @throws {ImgclsError} of kind `usage` when an option is wrong. */
export function newJob(
  { clock, newId, cloud, localFiles }: NewJobTools,
  options: SubmitJob,
  inputs: readonly string[],
): JobRecord {
  const {
    include = [],
    exclude = [],
    topK,
    model,
    fresh,
    by,
    maxCostUsd,
    folder,
    allowUrls,
    id = newId(),
    trace,
  } = options;
  if (trace !== undefined && !traceId.safeParse(trace).success)
    throw new ImgclsError('usage', `"${trace}" is not a trace id: it must have 32 hex digits in lower case.`);
  const createdAtMs = clock.nowMs();
  checkLimits(options, createdAtMs);
  return {
    v: formatOf(inputs, model),
    id,
    trace: traceOf({ job: id, trace }),
    state: 'open',
    createdAtMs,
    ...(localFiles !== undefined && { localFiles }),
    inputs: [...inputs],
    ...(folder !== undefined && { folder }),
    // Also for who resumes or retries the job elsewhere.
    ...(allowUrls !== undefined && inputs.some(isWebAddress) && { allowUrls: [...allowUrls] }),
    ...(cloud.processes && { submitter: cloud.processes.own }),
    include: [...include],
    exclude: [...exclude],
    topK,
    model,
    ...(fresh === true && { fresh }),
    ...(by !== undefined && { deadlineMs: by.getTime() }),
    ...(maxCostUsd !== undefined && { maxCostUsd }),
    attempt: FIRST_ATTEMPT,
    retried: [],
  };
}

/** The oldest format whose readers can go on with the job. */
function formatOf(inputs: readonly string[], { words }: ModelRef): number {
  if (inputs.some((input) => isInventory(input) || isWebAddress(input))) return JOB_FORMAT;
  return words === undefined ? FORMAT : WORDS_JOB_FORMAT;
}

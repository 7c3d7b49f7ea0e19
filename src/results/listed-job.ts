import { attemptTotal, FIRST_ATTEMPT, type JobState } from '../core/job/job.ts';
import { traceOf } from '../core/job/trace.ts';
import type { ModelRef } from '../core/model/model.ts';
import type { JobFacts } from './job-facts.ts';

/**
 * One job of a list. Unknown values are absent.
 *
 * @example
 * ```ts
 * import { createClient, type JobRecord, type ListedJob, type ModelRef, type UnknownJob } from 'imgcls';
 *
 * const titleOf = ({ name, variant }: ModelRef) => `${name}/${variant}`;
 * const line = (job: ListedJob | UnknownJob) =>
 *   'unknown' in job ? `${job.id}: ${job.unknown}` : `${job.id}: ${job.state}, ${job.done} of ${job.total ?? 'unknown'}`;
 *
 * await using client = await createClient();
 * for await (const listed of client.jobs()) {
 *   console.log(line(listed));
 *   const record: JobRecord = await (await client.job(listed.id)).record();
 *   console.log(titleOf(record.model), new Date(record.createdAtMs).toISOString());
 * }
 * ```
 */
export interface ListedJob {
  /** A ULID. */
  id: string;
  /** The trace id in its log lines. */
  trace: string | undefined;
  model?: ModelRef;
  /** Labels per image. */
  topK?: number;
  /** 1, and one more for each retry. */
  attempt: number;
  /** `open` while images are added, `sealed` while they are classified, then `finished` or `cancelled`. */
  state: JobState;
  /** In milliseconds since 1970. */
  createdAtMs: number;
  /** In milliseconds since 1970. */
  finishedAtMs?: number;
  /** Images with an outcome, without those that are being retried. */
  done: number;
  /** Images of the job, once all inputs were read. */
  total?: number;
  /** Images with an error. */
  errors: number;
  /** Recent rate of an unfinished job; mean rate of a finished one. */
  imagesPerSecond?: number;
  /** Estimated time to the last outcome, in milliseconds. */
  leftMs?: number;
  /** What it has cost so far, in US dollars. */
  usd?: number;
  /** The first of the files and folders as given. Absent if a program passed the images itself. */
  inputs?: string[];
  /** How many there were. */
  inputCount?: number;
  /** The process that announced the images has ended before it was done. */
  interrupted?: true;
}

/** Inputs that are listed: a shell's glob may have named thousands. */
const LISTED_INPUTS = 3;

/** Facts about a job that are not in its record. */
export interface JobProgress {
  errors: number;
  usd: number | undefined;
  isInterrupted?: boolean;
  /** Images of the present attempt with an outcome. */
  images: number;
  /** Of an unfinished job. */
  imagesPerSecond?: number;
}

export function listedJob(record: JobFacts, seen: JobProgress): ListedJob {
  const { id, trace, model, topK, attempt, state, createdAtMs, finishedAtMs, total, inputs = [] } = record;
  const known = {
    id,
    trace: traceOf({ job: id, trace }),
    ...(model !== undefined && { model }),
    ...(topK !== undefined && { topK }),
    attempt,
    state,
    createdAtMs,
    ...(finishedAtMs !== undefined && { finishedAtMs }),
    ...(total !== undefined && { total }),
    errors: seen.errors,
    ...(seen.usd !== undefined && { usd: seen.usd }),
    ...(inputs.length > 0 && { inputs: inputs.slice(0, LISTED_INPUTS), inputCount: inputs.length }),
    ...(seen.isInterrupted === true && { interrupted: true as const }),
  };
  if (state === 'finished') return { ...known, done: total ?? 0, ...rateOfLife(record) };
  const { images, imagesPerSecond } = seen;
  const wanted = attemptTotal(record);
  const before = attempt === FIRST_ATTEMPT || total === undefined ? 0 : total - (wanted ?? images);
  const isTimed = imagesPerSecond !== undefined && imagesPerSecond > 0 && wanted !== undefined;
  return {
    ...known,
    done: before + images,
    ...(imagesPerSecond !== undefined && { imagesPerSecond }),
    ...(isTimed && { leftMs: (1000 * (wanted - images)) / imagesPerSecond }),
  };
}

function rateOfLife({ total, createdAtMs, finishedAtMs = createdAtMs }: JobFacts) {
  const tookMs = finishedAtMs - createdAtMs;
  return total !== undefined && tookMs > 0 ? { imagesPerSecond: (1000 * total) / tookMs } : {};
}
